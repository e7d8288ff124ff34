# frozen_string_literal: true

require "redis"

# Requests and their time, by path. The offset is in Redis as well, in the same transaction: what comes twice after a crash is counted once.
class CountsConsumer < Karafka::BaseConsumer
  def consume
    offset = "counted:#{topic.name}:#{partition}"
    counted = (redis.get(offset) || -1).to_i
    lines = messages.select { |message| message.offset > counted }.filter_map(&:payload)
    redis.multi do |transaction|
      lines.each do |line|
        transaction.hincrby("requests", line.path, 1)
        transaction.hincrby("service_ms", line.path, line.service_ms)
      end
      transaction.set(offset, [counted, messages.last.offset].max)
    end
  end

  private

  # One connection for each partition.
  def redis
    @redis ||= Redis.new(url: ENV.fetch("REDIS_URL", "redis://localhost:6379"))
  end
end

# frozen_string_literal: true

require "securerandom"
require "set"
require "support/native_config"
require "support/wait"

# All that is in some topics, read with an engine of its own from their beginning. Each message once, also where the reader loses
# its session on a busy machine and reads again what it had not committed.
class TopicReader
  include NativeConfig
  include Wait

  # rubocop:disable Lint/StructNewOverride -- the partition is Kafka's
  Row = Struct.new(:topic, :partition, :offset, :key, :payload, :headers, :header_pairs, :timestamp_ms, keyword_init: true)
  # rubocop:enable Lint/StructNewOverride

  # @param servers [String]
  # @param topics [Array<String>]
  # @param kafka [Hash{String=>String}] more settings of librdkafka
  def initialize(servers, *topics, kafka: {})
    settings = {
      "bootstrap.servers" => servers, "group.id" => "reader-#{SecureRandom.hex(4)}", "auto.offset.reset" => "earliest",
      "session.timeout.ms" => "6000", "topic.metadata.refresh.interval.ms" => "500", **kafka
    }
    @engine = Karafka::Engine.new(one_group("reader", settings, *topics.map { |name| { name: name } }))
    @rows = Queue.new
    @all = []
    @places = Set.new
    @engine.start
    @thread = Thread.new { run }
  end

  # @return [Array<Row>] so far
  def rows
    until @rows.empty?
      row = @rows.pop
      @all << row if @places.add?([row.topic, row.partition, row.offset])
    end
    @all
  end

  # @return [Array<Row>] once there are so many
  def wait_for(count, seconds: Wait::LONG)
    wait_until("#{count} messages, there are #{rows.map(&:payload)}", seconds: seconds) { rows.size >= count }
    rows
  end

  def close
    @engine.stop
    @engine.join(30_000)
    @thread.join(30)
  end

  private

  def run
    while (lease = @engine.take)
      lease.size.times do |index|
        @rows << Row.new(topic: lease.topic, partition: lease.partition, offset: lease.offset(index), key: lease.raw_key(index),
                         payload: lease.raw_payload(index), headers: lease.raw_headers(index),
                         header_pairs: lease.raw_header_pairs(index), timestamp_ms: lease.timestamp_ms(index))
      end
      lease.kind == :consume ? lease.ack : lease.release
    end
  end
end

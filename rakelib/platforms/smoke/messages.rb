# frozen_string_literal: true

# MESSAGES messages to the topic `orders` of KAFKA and back, through a server with a consumer class.
require "karafka"
require "timeout"

COUNT = Integer(ENV.fetch("MESSAGES"))
SEEN = Queue.new

# Takes note of each.
class OrdersConsumer < Karafka::BaseConsumer
  def consume
    messages.each { |message| SEEN << message.payload["id"] if message.key }
  end
end

Karafka::App.setup do |config|
  config.kafka = { "bootstrap.servers": ENV.fetch("KAFKA"), "auto.offset.reset": "earliest" }
  config.logger = Logger.new(nil)
end
Karafka::App.routes.draw { topic(:orders) { consumer OrdersConsumer } }

lines = Array.new(COUNT) { |id| { topic: "orders", key: "k#{id % 7}", payload: "{\"id\":#{id}}" } }
lines.each_slice(1_000) { |some| Karafka.producer.produce_many_sync(some) }
Karafka::Embedded.start
deadline = Process.clock_gettime(Process::CLOCK_MONOTONIC) + 240
ids = Array.new(COUNT) do
  left = deadline - Process.clock_gettime(Process::CLOCK_MONOTONIC)
  Timeout.timeout([left, 0.001].max) { SEEN.pop }
end
abort "#{ids.uniq.size} of #{COUNT} messages" unless ids.sort == (0...COUNT).to_a
Karafka::Embedded.stop
puts "#{ids.size} of #{COUNT}, each once"

# frozen_string_literal: true

# A script without any framework: sends the lines of its input, and ends with 1 where one was not delivered.
#   KAFKA_BROKERS=127.0.0.1:9092 ruby import.rb lines < file
require "waterdrop"

topic = ARGV.fetch(0)
producer = WaterDrop::Producer.new do |config|
  config.kafka = { "bootstrap.servers": ENV.fetch("KAFKA_BROKERS", "127.0.0.1:9092"), "message.timeout.ms": 30_000 }
end
failed = 0
producer.monitor.subscribe("error.occurred") { |event| warn(event[:error].message) }

# A thousand at once, so that memory stays small and each call has its answers before the next.
$stdin.each_line(chomp: true).each_slice(1_000) do |lines|
  producer.produce_many_sync(lines.map { |line| { topic: topic, payload: line } })
rescue WaterDrop::Errors::ProduceManyError => e
  failed += 1
  warn(e.message)
end

# Not needed, since the end of a process does it; here it says what is left.
failed += producer.close
exit(failed.zero?)

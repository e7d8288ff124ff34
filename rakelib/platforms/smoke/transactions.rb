# frozen_string_literal: true

# Two transactions on KAFKA, one committed and one aborted: a reader of committed messages sees those of the first one.
require "karafka"

topic = "smoke-#{Process.pid}-#{Random.rand(1_000_000)}"
kafka = { "bootstrap.servers": ENV.fetch("KAFKA") }
Karafka::App.setup do |config|
  config.kafka = kafka
  config.logger = Logger.new(nil)
end
Karafka::Admin.create_topic(topic, 1, 1)
producer = WaterDrop::Producer.new do |config|
  config.kafka = kafka.merge("transactional.id": topic)
  config.logger = Logger.new(nil)
end
producer.transaction { 100.times { |id| producer.produce_async(topic: topic, payload: "kept #{id}") } }
begin
  producer.transaction do
    100.times { |id| producer.produce_async(topic: topic, payload: "dropped #{id}") }
    raise "no"
  end
rescue RuntimeError => e
  raise unless e.message == "no"
end
producer.transaction { producer.produce_async(topic: topic, payload: "last") }
producer.close
seen = []
Karafka.each_message(topic) do |message|
  seen << message.raw_payload
  break if message.raw_payload == "last"
end
Karafka::Admin.delete_topic(topic)
abort "#{seen.size}: #{seen.first(3)} … #{seen.last(3)}" unless seen == Array.new(100) { |id| "kept #{id}" } + ["last"]
puts "100 committed, 100 aborted"

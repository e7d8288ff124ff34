# frozen_string_literal: true

# Sends orders: `ruby -r karafka/compat/ruby-kafka shop.rb COUNT`
require "json"
require_relative "kafka_client"

TOPIC = ENV.fetch("ORDERS_TOPIC", "orders")
producer = KafkaClient.new.async_producer(delivery_threshold: 50, delivery_interval: 1)

# A prefork server: each of its processes sends with what was made before the fork.
pids = Array.new(2) do |shop|
  fork do
    Integer(ARGV.fetch(0, 10)).times do |number|
      producer.produce({ shop: shop, number: number, amount: number * 10 }.to_json, topic: TOPIC, partition_key: "shop-#{shop}")
    end
    producer.shutdown
  end
end
pids.each { |pid| Process.wait(pid) }

# frozen_string_literal: true

# Bills orders, each at least once, and those of a shop in order: `ruby -r karafka/compat/ruby-kafka billing.rb`
require "json"
require_relative "kafka_client"

# Out of order for one order in fifty, once.
class CardMachine
  class OutOfOrder < StandardError; end

  def initialize
    @tried = {}
  end

  def charge(order)
    place = order.values_at("shop", "number")
    raise OutOfOrder, "no answer" if (order["number"] % 50) == 7 && !@tried.key?(place)
  ensure
    @tried[place] = true
  end
end

$stdout.sync = true
machine = CardMachine.new
consumer = KafkaClient.new.consumer(group_id: ENV.fetch("BILLING_GROUP", "billing"), offset_commit_interval: 1)
consumer.subscribe(ENV.fetch("ORDERS_TOPIC", "orders"), start_from_beginning: true)
stopped = false
trap("TERM") do
  stopped = true
  consumer.stop
end

until stopped
  begin
    consumer.each_message do |message|
      order = JSON.parse(message.value)
      machine.charge(order)
      puts "#{order["shop"]} #{order["number"]}"
    end
  rescue Kafka::ProcessingError => e
    warn "#{e.message} (#{e.cause.class})"
    # The others go on; this partition is tried again in a second.
    consumer.pause(e.topic, e.partition, timeout: 1)
  end
end
puts "stopped"

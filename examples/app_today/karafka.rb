# frozen_string_literal: true

# An application of today.
#   KAFKA_BROKERS=localhost:9092 bundle exec karafka server
require "json"
require "karafka"

%w[application orders receipts].each { |name| require_relative "app/consumers/#{name}_consumer" }

class KarafkaApp < Karafka::App
  setup do |config|
    config.kafka = { "bootstrap.servers": ENV.fetch("KAFKA_BROKERS", "localhost:9092") }
    config.client_id = "shop"
    config.group_id = "shop"
    config.concurrency = 2
    config.max_messages = 500
    config.consumer_persistence = true
  end

  routes.draw do
    topic :orders do
      consumer OrdersConsumer
    end

    consumer_group :accounting do
      topic :receipts do
        consumer ReceiptsConsumer
        manual_offset_management true
      end
    end
  end
end

Karafka.monitor.subscribe(Karafka::Instrumentation::LoggerListener.new(log_polling: true))
Karafka.producer.monitor.subscribe(WaterDrop::Instrumentation::LoggerListener.new(Karafka.logger, log_messages: false))
Karafka.monitor.subscribe("error.occurred") { |event| warn "ERROR #{event[:type]}: #{event[:error].message}" }

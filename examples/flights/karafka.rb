# frozen_string_literal: true

# Average delay of flights by airport and airline, computed as the flights come in.
#   KAFKA_BROKERS=localhost:9092 bundle exec karafka server
require "karafka"
require_relative "app/delays"
require_relative "app/flights_consumer"

class KarafkaApp < Karafka::App
  setup do |config|
    config.kafka = { "bootstrap.servers": ENV.fetch("KAFKA_BROKERS", "localhost:9092") }
    config.client_id = "flights"
    config.group_id = ENV.fetch("FLIGHTS_GROUP", "flights")
    config.max_messages = 1_000
    config.logger = Logger.new($stderr, level: Logger::WARN)
  end

  routes.draw do
    topic(ENV.fetch("FLIGHTS_TOPIC", "flights")) { consumer FlightsConsumer }
  end
end

Karafka.monitor.subscribe(Karafka::Instrumentation::LoggerListener.new)

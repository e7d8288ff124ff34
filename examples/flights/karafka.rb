# frozen_string_literal: true

# Average delay of flights by airport and airline, and the late ones by airline, computed as the flights come in.
#   KAFKA_BROKERS=localhost:9092 bundle exec karafka server
require "karafka"

FLIGHTS_TOPIC = ENV.fetch("FLIGHTS_TOPIC", "flights")
LATE_TOPIC = "#{FLIGHTS_TOPIC}.late".freeze

%w[tables flights_responder flights_consumer late_flights_consumer].each { |file| require_relative "app/#{file}" }

class KarafkaApp < Karafka::App
  setup do |config|
    config.kafka = { "bootstrap.servers": ENV.fetch("KAFKA_BROKERS", "localhost:9092") }
    config.client_id = "flights"
    config.group_id = ENV.fetch("FLIGHTS_GROUP", "flights")
    config.max_messages = 1_000
    config.logger = Logger.new($stderr, level: Logger::WARN)
  end

  routes.draw do
    topic(FLIGHTS_TOPIC) { consumer FlightsConsumer } # answers with FlightsResponder
    topic(LATE_TOPIC) { consumer LateFlightsConsumer }
  end
end

Karafka.monitor.subscribe(Karafka::Instrumentation::LoggerListener.new)

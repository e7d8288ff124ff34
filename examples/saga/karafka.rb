# frozen_string_literal: true

# An order saga over three topics: charge, ship, and give the money back where nothing can be shipped.
#   KAFKA_BROKERS=localhost:9092 DATABASE_URL=postgres:///saga bundle exec karafka server
require "karafka"

%w[database responders step_consumer orders_consumer payments_consumer shipments_consumer].each { |file| require_relative "app/#{file}" }

# All topics of this application begin with it in Kafka.
class PrefixMapper
  def initialize(prefix) = @prefix = prefix
  def incoming(topic) = topic.delete_prefix(@prefix)
  def outgoing(topic) = "#{@prefix}#{topic}"
end

class KarafkaApp < Karafka::App
  setup do |config|
    config.kafka = { "bootstrap.servers": ENV.fetch("KAFKA_BROKERS", "localhost:9092") }
    # A name for each process: after a restart it has its partitions back at once.
    config.kafka[:"group.instance.id"] = ENV["INSTANCE"] if ENV["INSTANCE"]
    config.client_id = "saga"
    config.group_id = "#{ENV.fetch("TOPIC_PREFIX", "")}saga"
    config.max_messages = 50
    config.topic_mapper = PrefixMapper.new(ENV.fetch("TOPIC_PREFIX", ""))
    # An answer must not arrive twice because the producer tried again.
    config.producer { |producer| producer.kafka[:"enable.idempotence"] = true }
    # A batch that comes again soon is one that the next step waits for.
    config.pause.max_timeout = 5_000
  end

  routes.draw do
    topic(:orders) { consumer OrdersConsumer }
    topic(:payments) { consumer PaymentsConsumer }
    topic(:shipments) { consumer ShipmentsConsumer }
  end
end

Karafka.monitor.subscribe(Karafka::Instrumentation::LoggerListener.new(log_polling: false))

# frozen_string_literal: true

# An application as Karafka 1.2 had them: a shop, and the saga of an order.
#   KAFKA_HOSTS=localhost:9092 karafka server
ENV["KARAFKA_ENV"] ||= "development"

require "karafka"

%w[
  tenant_mapper csv_parser step_responder orders_consumer payments_consumer parcels_consumer visits_consumer metrics_listener
].each do |file|
  require_relative "app/#{file}"
end

class KarafkaApp < Karafka::App
  setup do |config|
    config.kafka.seed_brokers = ENV.fetch("KAFKA_HOSTS", "localhost:9092").split(",").map { |host| "kafka://#{host}" }
    config.client_id = "shop"
    config.backend = :inline
    config.batch_fetching = true
    config.topic_mapper = TenantMapper.new(ENV.fetch("TENANT", "shop"))
  end

  Karafka.monitor.subscribe(MetricsListener.new)

  consumer_groups.draw do
    # A group of its own: a slow statistic holds up no order.
    consumer_group :statistics do
      topic :visits do
        consumer VisitsConsumer
        parser CsvParser
        batch_consuming true
        persistent true
      end
    end

    consumer_group :sales do
      batch_consuming false

      topic(:orders) { consumer OrdersConsumer }
      topic(:payments) { consumer PaymentsConsumer }
      topic(:parcels) { consumer ParcelsConsumer }
    end
  end
end

KarafkaApp.boot!

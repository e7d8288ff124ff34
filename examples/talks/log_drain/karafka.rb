# frozen_string_literal: true

# Settings and routes of the drain, which only sends, and of the two groups that read what it has sent. Where Kafka is, and with which
# certificates one gets in, comes from the environment: KAFKA_URL, KAFKA_TRUSTED_CERT, KAFKA_CLIENT_CERT, KAFKA_CLIENT_CERT_KEY.
require "karafka"
require "karafka/heroku"

%w[router_line counts_consumer replay_consumer].each { |file| require_relative "app/#{file}" }

class KarafkaApp < Karafka::App
  setup do |config|
    config.client_id = "log-drain"
    config.kafka = { "bootstrap.servers": "localhost:9092" }
  end

  routes.draw do
    consumer_group :counts do
      topic :requests do
        consumer CountsConsumer
        deserializer RouterLine
      end
    end

    # What production gets, staging gets too, but no faster than it can bear.
    consumer_group :replay do
      topic :requests do
        consumer ReplayConsumer
        deserializer RouterLine
        throttle limit: Integer(ENV.fetch("REPLAY_PER_SECOND", "10")), interval: 1_000
      end
    end
  end
end

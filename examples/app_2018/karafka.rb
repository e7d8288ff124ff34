# frozen_string_literal: true

# An application as Karafka 1.x had them. It runs as it stands.
#   KAFKA_HOSTS=localhost:9092 bundle exec karafka server
ENV["KARAFKA_ENV"] ||= "development"

require "karafka"

%w[
  output csv_parser environment_mapper page_views_consumer sign_ups_responder sign_ups_consumer mails_consumer errors_listener
].each do |file|
  require_relative "app/#{file}"
end

class KarafkaApp < Karafka::App
  setup do |config|
    config.kafka.seed_brokers = ENV.fetch("KAFKA_HOSTS", "localhost:9092").split(",").map { |host| "kafka://#{host}" }
    config.kafka.offset_commit_interval = 1
    config.client_id = "shop"
    config.backend = :inline
    config.batch_fetching = true
    config.topic_mapper = EnvironmentMapper.new(Karafka.env)
  end

  after_init do |config|
    config.logger.info("#{config.client_id} is set up")
  end

  Karafka.monitor.subscribe(ErrorsListener.new)

  consumer_groups.draw do
    consumer_group :statistics do
      session_timeout 30
      automatically_mark_as_consumed false

      topic :page_views do
        consumer PageViewsConsumer
        parser CsvParser
        batch_consuming true
        persistent true
      end
    end

    consumer_group :mails do
      batch_consuming false

      topic :sign_ups do
        consumer SignUpsConsumer
      end

      topic :mails do
        consumer MailsConsumer
      end
    end
  end
end

KarafkaApp.boot!

# frozen_string_literal: true

# An application as Karafka had them in 2016. Videos are transcoded in jobs of Sidekiq; mails about them are sent at once.
#   KARAFKA_BOOT_FILE=app.rb KAFKA_HOSTS=localhost:9092 karafka server
require "sidekiq"
require "karafka"

redis = { url: ENV.fetch("REDIS_URL", "redis://localhost:6379") }
Sidekiq.configure_client { |config| config.redis = redis }
Sidekiq.configure_server { |config| config.redis = redis }

# What is in config/initializers, lib and app.
Karafka::Loader.new.load(Karafka::App.root)

class App < Karafka::App
  setup do |config|
    config.kafka.hosts = ENV.fetch("KAFKA_HOSTS", "localhost:9092").split(",")
    config.name = "shop"
    config.inline_mode = false
  end

  routes.draw do
    topic :videos do
      group :shop_videos
      controller VideosController
      worker VideosWorker
      interchanger CompactInterchanger
      responder VideosResponder
    end

    topic :mails do
      group :shop_mails
      controller MailsController
      inline_mode true
    end
  end
end

App.boot!

# frozen_string_literal: true

# Writes page views into PostgreSQL, a thousand rows at a time.
#   psql "$DATABASE_URL" -f schema.sql
#   DATABASE_URL=postgres://localhost/shop KAFKA_BROKERS=localhost:9092 bundle exec karafka server
require "karafka"
require_relative "app/database"
require_relative "app/page_views_consumer"

Karafka::App.setup do |config|
  config.kafka = {
    "bootstrap.servers": ENV.fetch("KAFKA_BROKERS", "localhost:9092"),
    # How long the partitions of a process that died wait for another.
    "session.timeout.ms": Integer(ENV.fetch("SESSION_TIMEOUT_MS", "45000"))
  }
  config.client_id = "bulk_insert"
  config.group_id = ENV.fetch("GROUP_ID", "bulk_insert")
  config.max_messages = 500
end

Karafka.monitor.subscribe(Karafka::Instrumentation::LoggerListener.new)

Karafka::App.routes.draw do
  topic :page_views do
    consumer PageViewsConsumer
    manual_offset_management true
    idle_after 2_000
  end
end

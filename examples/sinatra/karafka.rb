# frozen_string_literal: true

require "karafka"

# Counts the visits of each page. One Ruby runs requests and consumers, so both see the same object.
VISITS = Hash.new(0)

# One instance for each partition: no two batches of a page run at once, because the page is the key.
class VisitsConsumer < Karafka::BaseConsumer
  def consume
    messages.each { |message| VISITS[message.key] += 1 }
  end
end

Karafka::App.setup do |config|
  config.client_id = "visits"
  config.kafka = { "bootstrap.servers": ENV.fetch("KAFKA_BROKERS", "127.0.0.1:9092") }
end

Karafka::App.routes.draw do
  topic(:visits) { consumer VisitsConsumer }
end

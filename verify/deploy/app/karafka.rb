# frozen_string_literal: true

require "karafka"

# Prints what came.
class OrdersConsumer < Karafka::BaseConsumer
  def consume = messages.each { |message| puts "order #{message.raw_payload} at #{message.offset}" }
end

# The application of the image.
class KarafkaApp < Karafka::App
  setup do |config|
    config.client_id = "orders"
    config.kafka = { "bootstrap.servers": ENV.fetch("KAFKA_BROKERS") }
  end

  routes.draw { topic(:orders) { consumer OrdersConsumer } }
end

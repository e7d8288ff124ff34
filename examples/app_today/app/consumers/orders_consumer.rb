# frozen_string_literal: true

# Sends a receipt for each order, keyed as the order was.
class OrdersConsumer < ApplicationConsumer
  def consume
    messages.each do |message|
      order = message.payload
      Karafka.producer.produce_async(
        topic: "receipts", key: message.key, payload: { "order" => order.fetch("id"), "amount" => order.fetch("amount") }.to_json
      )
    end
  end
end

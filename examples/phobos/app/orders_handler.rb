# frozen_string_literal: true

require "json"

# Writes a receipt for each order.
class OrdersHandler
  include Phobos::Handler
  include Phobos::Producer

  def around_consume(payload, metadata)
    yield JSON.parse(payload), metadata
  end

  def consume(order, metadata)
    producer.publish(topic: "receipts", payload: JSON.generate(order: order.fetch("id"), sum: order.fetch("amount")), key: metadata[:key])
  end
end

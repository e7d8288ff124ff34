# frozen_string_literal: true

# The saga of an order: what happened decides what has to happen next. No step calls another one, and where a parcel cannot be sent the
# payment is taken back. All messages of an order have its number as key, so they come in their order.
class OrdersConsumer < Karafka::BaseConsumer
  # What happened => what has to happen, and where.
  NEXT = { "placed" => %w[payments charge], "paid" => %w[parcels send], "sold_out" => %w[payments refund] }.freeze

  def consume
    puts "order #{params["order"]}: #{params["event"]}"
    topic, event = NEXT[params["event"]]
    # What ends a saga (refused, sent, refunded) has no next step.
    respond_with([topic, params.merge("event" => event)]) if topic
  end
end

# frozen_string_literal: true

# The state of each order. All messages of an order have its id as key, so they come in their order.
class OrdersConsumer < StepConsumer
  # type of a message => [state before, state after, what to ask for next]
  TRANSITIONS = {
    "placed" => [nil, "placed", %w[payments charge]],
    "refused" => ["placed", "cancelled", nil],
    "charged" => ["placed", "paid", %w[shipments ship]],
    "shipped" => ["paid", "completed", nil],
    # The compensation: what was paid goes back.
    "unshippable" => ["paid", "refunding", %w[payments refund]],
    "refunded" => ["refunding", "refunded", nil]
  }.freeze

  private

  def handle(message)
    before, after, ask = TRANSITIONS.fetch(message["type"])
    move(message, before, after)
    ask ? answer(ask.first, message, ask.last) : []
  end

  def move(message, before, after)
    order = message["order"]
    if before.nil?
      @database.query("INSERT INTO orders (id, amount, state) VALUES ($1, $2, $3)", order, message["amount"], after)
    elsif @database.query("UPDATE orders SET state = $3 WHERE id = $1 AND state = $2 RETURNING 1", order, before, after).empty?
      raise "order #{order} is not #{before}, so it cannot become #{after}"
    end
    @database.query("INSERT INTO transitions (order_id, state) VALUES ($1, $2)", order, after)
  end
end

# frozen_string_literal: true

# Charges cards, and gives back.
class PaymentsConsumer < Karafka::BaseConsumer
  # Nobody's card takes more.
  LIMIT = 100

  def consume
    respond_with(["orders", params.merge("event" => answer)])
  end

  private

  def answer
    return "refunded" if params["event"] == "refund"

    params["amount"] > LIMIT ? "refused" : "paid"
  end
end

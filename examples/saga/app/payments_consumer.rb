# frozen_string_literal: true

# Charges, and gives back.
class PaymentsConsumer < StepConsumer
  # Nobody's card takes more.
  LIMIT = 100

  private

  def handle(message)
    amount = message["amount"]
    case message["type"]
    when "charge"
      return answer("orders", message, "refused") if amount > LIMIT

      book(message, "charge", amount)
      answer("orders", message, "charged")
    when "refund"
      book(message, "refund", -amount)
      answer("orders", message, "refunded")
    end
  end

  def book(message, kind, amount)
    @database.query("INSERT INTO payments (order_id, kind, amount) VALUES ($1, $2, $3)", message["order"], kind, amount)
  end
end

# frozen_string_literal: true

# Ships what is in stock: nothing that costs a multiple of seven.
class ShipmentsConsumer < StepConsumer
  private

  def handle(message)
    answer("orders", message, (message["amount"] % 7).zero? ? "unshippable" : "shipped")
  end
end

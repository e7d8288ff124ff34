# frozen_string_literal: true

# Sends what is in stock.
class ParcelsConsumer < Karafka::BaseConsumer
  SOLD_OUT = %w[lamp].freeze

  def consume
    respond_with(["orders", params.merge("event" => SOLD_OUT.include?(params["item"]) ? "sold_out" : "sent")])
  end
end

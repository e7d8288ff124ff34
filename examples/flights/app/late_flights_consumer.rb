# frozen_string_literal: true

# Second stage.
class LateFlightsConsumer < Karafka::BaseConsumer
  def consume
    TABLES.add_late(messages.pluck("carrier", "delay"))
  end
end

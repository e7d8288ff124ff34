# frozen_string_literal: true

# One batch is one pass over three fields: no object is built for the rest of a flight.
class FlightsConsumer < Karafka::BaseConsumer
  def consume
    DELAYS.add(messages.pluck("origin", "carrier", "arr_delay"))
  end
end

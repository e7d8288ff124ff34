# frozen_string_literal: true

# First stage. One batch is one pass over three fields: no object is built for the rest of a flight.
class FlightsConsumer < Karafka::BaseConsumer
  # Minutes from which on a flight counts as late.
  LATE = 60

  def consume
    flights = messages.pluck("origin", "carrier", "arr_delay")
    late = flights.select { |_, _, delay| delay && delay >= LATE }
    # When this raises, the batch comes again: nothing has been added up yet.
    respond_with(late)
    TABLES.add(flights, late.size)
  end
end

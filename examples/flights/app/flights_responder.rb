# frozen_string_literal: true

# What the first stage sends to the second one: all late flights of a batch, in one call.
class FlightsResponder < Karafka::BaseResponder
  topic LATE_TOPIC, required: false, multiple_usage: true

  def respond(flights)
    flights.each { |origin, carrier, delay| respond_to LATE_TOPIC, { origin:, carrier:, delay: }, key: carrier }
  end
end

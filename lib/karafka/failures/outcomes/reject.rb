# frozen_string_literal: true

module Karafka
  # Raised in `consume`: the message goes to the dead letter queue now, without (more) retries.
  #
  # @example
  #   raise Karafka::Reject.new("no such customer", message: message)
  class Reject < Outcome; end
end

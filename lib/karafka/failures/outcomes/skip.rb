# frozen_string_literal: true

module Karafka
  # Raised in `consume`: the message counts as processed. It is logged, evented and counted, not kept.
  #
  # @example
  #   raise Karafka::Skip.new("a test order", message: message)
  class Skip < Outcome; end
end

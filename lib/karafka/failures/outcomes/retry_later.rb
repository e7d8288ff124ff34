# frozen_string_literal: true

module Karafka
  # Raised in `consume`: the batch comes again, from its first unmarked message, after that time. The partition waits.
  # `attempt` goes up, but it counts neither as an error nor towards `max_retries`.
  #
  # @example
  #   raise Karafka::RetryLater.new("the API asks for patience", in: 30_000)
  class RetryLater < Outcome
    # @return [Integer] milliseconds
    attr_reader :delay

    # @param reason [String, nil]
    # @option when [Integer] :in milliseconds, at least 1
    def initialize(reason = nil, **when_)
      @delay = Setup::Types::DELAY.check("Karafka::RetryLater in", when_.delete(:in))
      raise ArgumentError, "Karafka::RetryLater takes only in:, not #{when_.keys.join(", ")}" unless when_.empty?

      super(reason)
    end
  end
end

# frozen_string_literal: true

module Karafka
  # The time that the steps of a stop share.
  # @api private
  class TimeBudget
    # @param time_ms [Numeric, nil] nil: there is no limit
    def initialize(time_ms)
      @deadline = time_ms && (Clock.now_ms + time_ms)
    end

    # @return [Float, nil] seconds, 0 when it has passed; nil: there is no limit
    def left
      @deadline && [(@deadline - Clock.now_ms) / 1_000, 0.0].max
    end

    # @return [Boolean]
    def over?
      left&.zero? || false
    end

    # For one step. The steps after it need some time, too.
    # @param limit_ms [Numeric] it needs no more
    # @param part [Float] of what is left
    # @return [Numeric] ms
    def share(limit_ms, part: 0.5)
      @deadline ? [limit_ms, left * 1_000 * part].min : limit_ms
    end
  end
end

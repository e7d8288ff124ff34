# frozen_string_literal: true

module Kafka
  # How long a partition was asked to rest, and how often in a row.
  # @api private
  class Pause
    # @return [Numeric] of {Karafka::Clock.now}
    attr_reader :started_at

    def initialize
      @count = 0
      @until = nil
    end

    # @param timeout [Numeric, nil] seconds; nil: until it is resumed
    # @param max_timeout [Numeric, nil] with exponential_backoff: no longer than that
    # @param exponential_backoff [Boolean] twice as long each time, until a batch was processed
    # @return [Numeric, nil] seconds
    def pause!(timeout:, max_timeout: nil, exponential_backoff: false)
      raise ArgumentError, "exponential_backoff needs a timeout" if exponential_backoff && timeout.nil?

      timeout *= 2**[@count, 30].min if exponential_backoff
      timeout = max_timeout if timeout && max_timeout && timeout > max_timeout
      @count += 1
      @started_at = Karafka::Clock.now
      @until = timeout ? @started_at + timeout : Float::INFINITY
      timeout
    end

    # @return [void]
    def resume!
      @until = nil
    end

    # What follows is a first pause again.
    # @return [void]
    def reset! = @count = 0

    # @return [Boolean]
    def paused? = !@until.nil? && Karafka::Clock.now < @until

    # @return [Numeric, nil] seconds that are left; nil: until it is resumed
    def left = @until == Float::INFINITY ? nil : [@until.to_f - Karafka::Clock.now, 0].max

    # @return [Numeric] seconds
    def duration = @started_at ? Karafka::Clock.now - @started_at : 0
  end
end

# frozen_string_literal: true

module WaterDrop
  # The time that a single call says it would wait.
  module WaitTime
    # Forever.
    FOREVER = -1

    # @param value [Numeric, nil] ms; nil: as the producer is set
    # @param name [String] of the argument
    # @return [void]
    # @raise [ArgumentError] nothing can wait so long: negative, NaN, infinite, or no number
    def self.check!(value, name = "max_wait_timeout_ms")
      return if value.nil? || value == FOREVER || Config::Types::MILLISECONDS.allowed?(value)

      raise ArgumentError, "#{name} is #{value.inspect}, but must be a number of milliseconds, 0 or more (-1: forever; nil: the " \
                           "producer's max_wait_timeout)"
    end

    # @param value [Object] seconds
    # @return [Numeric] ms
    # @raise [ArgumentError]
    def self.of_seconds(value)
      return value if value == FOREVER
      return value * 1_000 if value.is_a?(Numeric) && value.real?

      raise ArgumentError, "max_wait_timeout is #{value.inspect}, but must be a number of seconds"
    end
  end
  private_constant :WaitTime
end

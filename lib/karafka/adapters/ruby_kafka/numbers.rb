# frozen_string_literal: true

module Kafka
  # Options that are numbers: seconds, bytes or messages.
  # @api private
  module Numbers
    # @param options [Hash{Symbol=>Object}] nil: not given
    # @return [void]
    # @raise [ArgumentError]
    def self.check!(**options)
      name, value = options.find { |_, given| !given.nil? && !(given.is_a?(Numeric) && !given.negative?) }
      raise ArgumentError, "#{name} is #{value.inspect}, but must be a number, 0 or above" if name
    end
  end
end

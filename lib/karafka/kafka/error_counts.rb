# frozen_string_literal: true

module Karafka
  # How many errors of each type were reported, for metrics. The engine keeps the numbers, so that they can be read while Ruby's lock
  # is held.
  # @api private
  module ErrorCounts
    # @param type [String] as in "error.occurred"
    # @return [void]
    def self.add(type)
      # An error before anything has been started is for the log alone.
      Native.count_error(type.to_s) unless Karafka.autoload?(:Native)
    end
  end
end

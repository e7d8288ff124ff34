# frozen_string_literal: true

module Karafka
  # Time that only grows, for durations and deadlines: somebody may set the clock on the wall.
  # @api private
  module Clock
    class << self
      # @return [Float] seconds
      def now
        ::Process.clock_gettime(::Process::CLOCK_MONOTONIC)
      end

      # @return [Float] milliseconds
      def now_ms
        ::Process.clock_gettime(::Process::CLOCK_MONOTONIC, :float_millisecond)
      end
    end
  end
end

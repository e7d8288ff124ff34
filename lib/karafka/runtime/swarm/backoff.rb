# frozen_string_literal: true

module Karafka
  module Swarm
    # How long a node that has failed waits before it starts again: not at all the first time, then longer each time.
    class Backoff
      FIRST = 0.25
      # A node that lived for this many times the longest wait was healthy.
      HEALTHY = 2
      private_constant :FIRST, :HEALTHY

      # @param longest [Float] seconds
      def initialize(longest)
        @longest = longest
        @failures = 0
      end

      # @param lived [Float] seconds
      # @return [Float] seconds to wait
      def after_failure(lived)
        @failures = 0 if lived > @longest * HEALTHY
        wait = @failures.zero? ? 0.0 : FIRST * (2**(@failures - 1))
        @failures += 1 if wait < @longest
        [wait, @longest].min
      end
    end
  end
end

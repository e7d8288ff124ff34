# frozen_string_literal: true

module Karafka
  module Instrumentation
    # What has changed in librdkafka's statistics, for one client: beside each number `n` that is `n_d`, the difference to the
    # time before (0 the first time), and `n_fd`, for how many milliseconds it has been the same.
    class Changes
      def initialize
        @before = {}
        @at = nil
      end

      # @param statistics [Hash{String=>Object}]
      # @return [Hash{String=>Object}] the same, with more in it
      def add_to(statistics)
        now = Clock.now_ms.round
        compare(@before, statistics, now - (@at || now))
        @at = now
        @before = statistics
      end

      private

      def compare(before, statistics, passed)
        changes = {}
        statistics.each do |name, value|
          former = before[name]
          case value
          when Hash then compare(former.is_a?(Hash) ? former : {}, value, passed)
          when Numeric
            difference = former.is_a?(Numeric) ? value - former : 0
            changes["#{name}_d"] = difference
            changes["#{name}_fd"] = difference.zero? && former ? before["#{name}_fd"].to_i + passed : 0
          end
        end
        statistics.merge!(changes)
      end
    end
  end
end

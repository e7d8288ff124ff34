# frozen_string_literal: true

module Karafka
  module Cli
    module Top
      # From when on something is a problem.
      Limits = Struct.new(:stuck_ms, :behind_ms, :attempts, :poll_ms, :events_ms, :idle_ms, :rebalances, :rebalances_ms,
                          keyword_init: true) do
        # @param stuck_ms [Integer] a batch that has not got any further; as `stuck_report_after`
        # @param behind_ms [Integer] the age of the next message, unless the group catches up; as the alert KarafkaLag
        # @param attempts [Integer] at the same message
        # @param poll_ms [Integer] a poll thread that has not come round
        # @param events_ms [Integer] Ruby has not taken the engine's events
        # @param idle_ms [Integer] how long messages wait while no worker has them, seen by us
        # @param rebalances [Integer] that took partitions away, within `rebalances_ms`
        def initialize(stuck_ms: 60_000, behind_ms: 300_000, attempts: 3, poll_ms: 15_000, events_ms: 30_000, idle_ms: 10_000,
                       rebalances: 5, rebalances_ms: 600_000)
          super
        end
      end
    end
  end
end

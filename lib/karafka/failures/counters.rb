# frozen_string_literal: true

module Karafka
  module Failures
    # How many messages of this process left their partition without being processed there.
    module Counters
      KINDS = %i[dispatched moved skipped stopped].freeze
      private_constant :KINDS

      @lock = Mutex.new
      @counts = KINDS.to_h { |kind| [kind, 0] }

      class << self
        # @param kind [Symbol] :dispatched to a dead letter queue, :moved to a retry topic, :skipped, :stopped (partitions)
        # @param lease [Native::Lease, nil] the message's: the engine counts by topic
        # @return [void]
        def add(kind, lease = nil)
          lease&.departed(kind)
          @lock.synchronize { @counts[kind] += 1 }
        end

        # @return [Hash{Symbol=>Integer}] since the process began
        def to_h
          @lock.synchronize { @counts.dup }
        end
      end
    end
  end
end

# frozen_string_literal: true

module Karafka
  module Failures
    # With `parallel` a partition has several assignments, one for each lane. What `stop_after` counts is of all of them. Not
    # safe in threads by itself: the {Coordinator} holds its lock.
    class Guards
      def initialize
        @known = {}
      end

      # @param topic [Routing::Topic]
      # @param lease [Native::Lease]
      # @return [Guard, nil] nil: the assignment has the partition for itself, or there is no limit
      def take(topic, lease)
        limits = topic.parallel && topic.dead_letter_queue.stop_after
        return unless limits

        entry = (@known[place(lease)] ||= { guard: Guard.new(limits), lanes: 0 })
        entry[:lanes] += 1
        entry[:guard]
      end

      # A lane has ended; with the last one the count is forgotten.
      # @param lease [Native::Lease]
      # @return [void]
      def release(lease)
        place = place(lease)
        entry = @known[place] or return

        entry[:lanes] -= 1
        @known.delete(place) if entry[:lanes].zero?
      end

      # @return [Integer] partitions
      def size
        @known.size
      end

      private

      def place(lease)
        [lease.group_index, lease.topic, lease.partition]
      end
    end
  end
end

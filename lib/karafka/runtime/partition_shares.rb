# frozen_string_literal: true

module Karafka
  # The {PartitionShare}s of the partitions that are assigned. Not safe in threads by itself: the {Coordinator} holds its lock.
  class PartitionShares
    def initialize
      @known = {}
    end

    # @param topic [Routing::Topic]
    # @param lease [Native::Lease]
    # @return [PartitionShare] the same for all assignments of the partition
    def take(topic, lease)
      entry = (@known[place(lease)] ||= { share: PartitionShare.new(topic, lease.partition), lanes: 0 })
      entry[:lanes] += 1
      entry[:share]
    end

    # A lane has ended; with the last one the share is forgotten.
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

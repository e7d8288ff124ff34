# frozen_string_literal: true

module WaterDrop
  module Clients
    # Gives each message a partition and an offset, as a broker and librdkafka would between them.
    class Places
      # @param partitioner [String] librdkafka's name
      def initialize(partitioner)
        @partitioner = partitioner
        @counts = {}
        reset
      end

      # @return [void]
      def reset
        @next_offsets = Hash.new(0)
        @turn = -1
      end

      # @param topic [String]
      # @param partitions [Integer]
      # @return [void]
      def create_topic(topic, partitions)
        unless partitions.is_a?(Integer) && partitions.positive?
          raise ArgumentError, "a topic has 1 partition or more, not #{partitions.inspect}"
        end

        @counts[topic] = partitions
      end

      # @param topic [String]
      # @return [Integer]
      def partition_count(topic)
        @counts.fetch(topic, 1)
      end

      # A topic that was not created has every partition that is asked for.
      # @param message [Hash] a valid one
      # @return [Array] partition and offset, or partition, -1 and the error: code, text, fatal, retryable
      def take(message)
        topic = message[:topic].to_s
        partition = partition_of(message, topic)
        if @counts.key?(topic) && partition >= @counts[topic]
          return [partition, -1, :unknown_partition, "Local: Unknown partition", false, false]
        end

        offset = @next_offsets[[topic, partition]]
        @next_offsets[[topic, partition]] = offset + 1
        [partition, offset]
      end

      private

      def partition_of(message, topic)
        given = message[:partition]
        return given if given && given >= 0

        count = partition_count(topic)
        key = message[:partition_key] || message[:key]
        return Karafka::Native::Producer.partition_of_key(@partitioner, key, count) if key

        # librdkafka picks any; in turn is easier to expect in a test.
        @turn = (@turn + 1) % count
      end
    end
    private_constant :Places
  end
end

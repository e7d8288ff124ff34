# frozen_string_literal: true

module Karafka
  module Testing
    # What tests reach through `consumer.coordinator`: the place in the partition, and the count of attempts.
    class SpecCoordinator
      # Counts the attempts of a batch.
      class PauseTracker
        # @param position [Position]
        def initialize(position)
          @position = position
        end

        # @return [Integer] 1: the batch is processed for the first time
        def attempt
          @position.attempt
        end

        # The next `attempt` of the consumer is one more.
        # @return [Integer]
        def increment
          @position.attempt += 1
        end

        # @return [void]
        def reset
          @position.attempt = 1
        end
      end

      # @return [Routing::Topic]
      attr_reader :topic
      # @return [Integer]
      attr_reader :partition
      # @return [PauseTracker]
      attr_reader :pause_tracker

      # @param topic [Routing::Topic]
      # @param partition [Integer]
      # @param position [Position]
      def initialize(topic, partition, position)
        @topic = topic
        @partition = partition
        @position = position
        @pause_tracker = PauseTracker.new(position)
      end

      # @return [Integer] offset of the first message that is not marked
      def seek_offset
        @position.seek_offset
      end

      # @param offset [Integer]
      # @return [void]
      def seek_offset=(offset)
        @position.reset(offset)
      end

      # @return [Boolean]
      def revoked?
        @position.lost
      end

      # The partition belongs to another process from now on.
      # @return [void]
      def revoke
        @position.lost = true
      end
    end
  end
end

# frozen_string_literal: true

module WaterDrop
  module Clients
    # What a client that sends nothing gives in place of a native delivery: the answers exist from the start.
    class FakeDelivery
      # @param messages [Array<Hash>]
      # @param places [Array<Array(Integer, Integer)>, Array<Array>] of each message as {#report} gives it, without latency
      def initialize(messages, places)
        @topics = messages.map { |message| message[:topic].to_s }
        @labelled = messages.any? { |message| message[:label] }
        @places = places
      end

      # The transaction they were in was aborted.
      # @return [void]
      def abort
        @places = @places.map { |partition, *| [partition, -1, :purge_queue, "the transaction was aborted", false, false] }
      end

      # @return [Integer]
      def size
        @topics.size
      end

      # @return [Integer, nil]
      def first_failure
        @places.index { |_, _, code| code }
      end

      # @param first [Integer]
      # @return [Array<Integer>] others
      def more_failures(first)
        @places.each_index.select { |index| index != first && @places[index][2] }
      end

      # @return [true]
      def done?
        true
      end

      # @return [Boolean]
      def labelled?
        @labelled
      end

      # @return [0]
      def tag
        0
      end

      # @return [String]
      def topic(index)
        @topics[index]
      end

      # @return [Array] partition, offset, latency and, where it failed, code, text, fatal and retryable
      def report(index)
        partition, offset, *error = @places[index]
        [partition, offset, 0, *error]
      end
    end
    private_constant :FakeDelivery
  end
end

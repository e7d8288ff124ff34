# frozen_string_literal: true

module WaterDrop
  class Producer
    # Messages without a payload: on a compacted topic they delete what has their key.
    module Tombstone
      # @api private
      # @param message [Object]
      # @return [Hash{Symbol=>String}, nil] what is wrong with it, by part; nil: nothing that matters to a tombstone
      def self.problem(message)
        return { message: "must be a Hash, not #{message.class}" } unless message.is_a?(Hash)
        return { key: "is missing: a tombstone deletes what has its key" } if [nil, "", :""].include?(message[:key])

        { payload: "must be absent in a tombstone" } unless message[:payload].nil?
      end

      # @param message [Hash] with a topic and a key, without a payload
      # @return [DeliveryReport]
      # @raise [Errors::MessageInvalidError]
      def tombstone_sync(message, max_wait_timeout_ms = nil)
        produce_sync(tombstone(message), max_wait_timeout_ms)
      end

      # @param message [Hash]
      # @return [DeliveryHandle]
      # @raise [Errors::MessageInvalidError]
      def tombstone_async(message)
        produce_async(tombstone(message))
      end

      # @param messages [Enumerable<Hash>]
      # @return [Array<DeliveryHandle>]
      # @raise [Errors::MessageInvalidError]
      def tombstone_many_sync(messages, max_wait_timeout_ms = nil)
        produce_many_sync(tombstones(messages), max_wait_timeout_ms)
      end

      # @param messages [Enumerable<Hash>]
      # @return [Array<DeliveryHandle>]
      # @raise [Errors::MessageInvalidError]
      def tombstone_many_async(messages)
        produce_many_async(tombstones(messages))
      end

      private

      def tombstones(messages)
        Middleware.list_of(messages).each_with_index.map { |message, index| tombstone(message, index) }
      end

      def tombstone(message, index = 0)
        problem = Tombstone.problem(message)
        raise_invalid([:invalid, index, *problem.first]) if problem

        message.merge(payload: nil)
      end
    end
  end
end

# frozen_string_literal: true

module WaterDrop
  class Producer
    # Messages without a payload: on a compacted topic they delete what has their key.
    module Tombstone
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

      # @param messages [Array<Hash>]
      # @return [Array<DeliveryHandle>]
      # @raise [Errors::MessageInvalidError]
      def tombstone_many_sync(messages, max_wait_timeout_ms = nil)
        produce_many_sync(tombstones(messages), max_wait_timeout_ms)
      end

      # @param messages [Array<Hash>]
      # @return [Array<DeliveryHandle>]
      # @raise [Errors::MessageInvalidError]
      def tombstone_many_async(messages)
        produce_many_async(tombstones(messages))
      end

      private

      def tombstones(messages)
        raise ArgumentError, "messages must be an Array of Hashes, not #{messages.class}" unless messages.is_a?(Array)

        messages.each_with_index.map { |message, index| tombstone(message, index) }
      end

      def tombstone(message, index = 0)
        raise_invalid([:invalid, index, :message, "must be a Hash, not #{message.class}"]) unless message.is_a?(Hash)
        raise_invalid([:invalid, index, :key, "is missing: a tombstone deletes what has its key"]) if [nil, "", :""].include?(message[:key])
        raise_invalid([:invalid, index, :payload, "must be absent in a tombstone"]) unless message[:payload].nil?

        message.merge(payload: nil)
      end
    end
  end
end

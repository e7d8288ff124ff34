# frozen_string_literal: true

module WaterDrop
  # WaterDrop 1.x: `WaterDrop::SyncProducer.call("payload", topic: "orders")` with the global producer.
  class SyncProducer
    # What 1.x took and what it is today.
    OPTIONS = { topic: :topic, key: :key, partition: :partition, partition_key: :partition_key, create_time: :timestamp,
                timestamp: :timestamp, headers: :headers, label: :label }.freeze

    class << self
      # @param payload [String, nil]
      # @param options [Hash] `topic:` and, where wanted, `key:`, `partition:`, `partition_key:`, `create_time:`, `headers:`
      # @return [DeliveryReport]
      # @raise [Errors::MessageInvalidError]
      # @raise [Errors::ProduceError]
      def call(payload, options)
        WaterDrop.producer.produce_sync(message(payload, options))
      end

      # @api private
      def message(payload, options)
        unknown = options.keys.map(&:to_sym) - OPTIONS.keys
        raise ArgumentError, "unknown options #{unknown.inspect}; there are #{OPTIONS.keys.join(", ")}" if unknown.any?

        options.transform_keys { |name| OPTIONS.fetch(name.to_sym) }.merge(payload: payload)
      end
    end
  end
end

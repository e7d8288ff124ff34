# frozen_string_literal: true

module WaterDrop
  # WaterDrop 1.x: `WaterDrop::AsyncProducer.call("payload", topic: "orders")` with the global producer.
  class AsyncProducer
    # @param payload [String, nil]
    # @param options [Hash] as for {SyncProducer.call}
    # @return [DeliveryHandle]
    # @raise [Errors::MessageInvalidError]
    # @raise [Errors::ProduceError]
    def self.call(payload, options)
      WaterDrop.producer.produce_async(SyncProducer.message(payload, options))
    end
  end
end

# frozen_string_literal: true

module WaterDrop
  # WaterDrop 0.x: `WaterDrop::Message.new("orders", "payload").send!` with the global producer.
  class Message
    # @return [String]
    attr_reader :topic
    # @return [String, nil]
    attr_reader :message
    # @return [Hash]
    attr_reader :options

    # @param topic [String, Symbol]
    # @param message [String, nil]
    # @param options [Hash] as for {SyncProducer.call}
    def initialize(topic, message, options = {})
      @topic = topic.to_s
      @message = message
      @options = options
    end

    # @return [DeliveryReport, false] false: not delivered, and `raise_on_failure` is false
    # @raise [Errors::MessageInvalidError]
    # @raise [Errors::ProduceError]
    def send!
      SyncProducer.call(message, options.merge(topic: topic))
    rescue Errors::ProduceError => e
      config = WaterDrop.producer.config
      raise if config.raise_on_failure

      config.logger.error("[#{config.id}] #{e.message} (raise_on_failure is false)")
      false
    end
  end
end

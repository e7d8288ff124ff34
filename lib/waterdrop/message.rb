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

    # @return [DeliveryReport]
    # @raise [Errors::MessageInvalidError]
    # @raise [Errors::ProduceError]
    def send!
      SyncProducer.call(message, options.merge(topic: topic))
    end
  end
end

# frozen_string_literal: true

module Karafka
  module Consumers
    # Passing messages on to another topic as they are: the bytes of payload, key and headers, without decoding them.
    module Piping
      # @param topic [String, Symbol]
      # @param message [Messages::Message]
      # @return [WaterDrop::DeliveryHandle]
      def pipe_async(topic:, message:)
        produce_async(karafka_pipe(topic, message))
      end

      # @param topic [String, Symbol]
      # @param message [Messages::Message]
      # @return [WaterDrop::DeliveryReport]
      def pipe_sync(topic:, message:)
        produce_sync(karafka_pipe(topic, message))
      end

      # @param topic [String, Symbol]
      # @param messages [Enumerable<Messages::Message>]
      # @return [Array<WaterDrop::DeliveryHandle>]
      def pipe_many_async(topic:, messages:)
        produce_many_async(messages.map { |message| karafka_pipe(topic, message) })
      end

      # @param topic [String, Symbol]
      # @param messages [Enumerable<Messages::Message>]
      # @return [Array<WaterDrop::DeliveryHandle>]
      def pipe_many_sync(topic:, messages:)
        produce_many_sync(messages.map { |message| karafka_pipe(topic, message) })
      end

      private

      # Called with a message that is about to be passed on; what is changed in it is sent. For you to define.
      def enhance_pipe_message(_piped, _message); end

      def karafka_pipe(topic, message)
        piped = {
          topic: topic.to_s, payload: message.raw_payload,
          headers: Messages::PassedHeaders.of(
            message,
            message.raw_headers.merge(Failures::Headers.place(message), "source_consumer_group" => self.topic.consumer_group.id)
          )
        }
        key = message.raw_key
        # Without a key, all of one partition go to one partition, so they stay in order.
        key.nil? ? piped[:partition_key] = message.partition.to_s : piped[:key] = key
        enhance_pipe_message(piped, message)
        piped
      end
    end
  end
end

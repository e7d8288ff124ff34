# frozen_string_literal: true

module Karafka
  module Compat
    # Names of consumers in Karafka's generations that stand for something else here, or for nothing.
    module ConsumerNames
      # @param topic [Routing::Topic, nil] the route, as specs of 1.x build a consumer by hand; in a server nothing is given
      def initialize(topic = nil)
        super()
        @karafka_route = topic if topic
      end

      # A batch made by hand, as in specs of 1.x: messages, or Hashes, which are payloads. Where the topic has `batch_consuming
      # false`, and where there is one message and no topic, that message is `params` as well.
      # @param batch [Messages::Messages, Array<Messages::Message, Hash>]
      # @return [void]
      def params_batch=(batch)
        batch = Messages::Messages.new(batch.map { |given| karafka_message(given) }) unless batch.is_a?(Messages::Messages)
        self.messages = batch
        self.params = (batch.first if @karafka_route ? !@karafka_route.batch_consuming? : batch.size == 1)
      end

      # Processes the batch as a server would, with callbacks around it.
      # @return [void]
      def call
        on_consume
      end

      # The batch, whose messages are kept: a change in one of them is still seen in the next pass. With `batch_consuming
      # false` it is the one message of {BaseConsumer#params}, so going over it processes each message once.
      # @return [Messages::Messages, nil]
      def params_batch
        @params ? Messages::Messages.new([@params]) : messages&.keep!
      end

      # @return [Messages::BatchMetadata] what 1.4 called so
      def batch_metadata
        messages.metadata
      end

      # @return [Messages::BatchMetadata] what 1.3 called so
      def metadata
        messages.metadata
      end

      # Polling never stops for work here, and so the heartbeats do not either: there is nothing left to do.
      # @return [void]
      def trigger_heartbeat; end
      # (see #trigger_heartbeat)
      def trigger_heartbeat!; end

      # In Karafka an error takes virtual partitions together for a while. With `parallel` only what failed comes alone; the
      # others go on.
      # @return [false]
      def collapsed?
        false
      end

      # @raise [Errors::UnsupportedFeatureError] always
      def collapse_until!(*)
        raise Errors::UnsupportedFeatureError.for(
          "collapse_until!", "Messages of one key keep their order with `parallel by: :key`; raise, and those that failed come alone."
        )
      end

      private

      def karafka_message(given)
        return given unless given.is_a?(Hash)

        metadata = Messages::Metadata.new(topic: @karafka_route&.name, partition: 0, offset: 0, headers: {}, timestamp: Time.now,
                                          deserializers: Deserializers::Set.new(payload: ->(_message) { given }, key: nil, headers: nil))
        Messages::Message.new(JSON.generate(given), metadata)
      end
    end
  end
end

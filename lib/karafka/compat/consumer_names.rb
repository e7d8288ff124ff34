# frozen_string_literal: true

module Karafka
  module Compat
    # Names of consumers in Karafka's generations that stand for something else here, or for nothing.
    module ConsumerNames
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
    end
  end
end

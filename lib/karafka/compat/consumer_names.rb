# frozen_string_literal: true

module Karafka
  module Compat
    # What consumers of Karafka 1.x had and today's have not.
    module ConsumerNames
      # The batch, whose messages are kept: what is changed in one of them is there in the next pass.
      # @return [Messages::Messages, nil]
      def params_batch
        messages&.keep!
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
    end
  end
end

# frozen_string_literal: true

module WaterDrop
  class Producer
    # Sending and waiting for the answer.
    module Sync
      # @param message [Hash]
      # @param max_wait_timeout_ms [Numeric, nil] nil: the producer's max_wait_timeout; -1: for ever
      # @return [DeliveryReport]
      # @raise [Errors::MessageInvalidError] nothing was sent
      # @raise [Errors::ProduceError] not taken, not delivered, or no answer within max_wait_timeout
      # @raise [ArgumentError] nothing can wait so long; nothing was sent
      def produce_sync(message, max_wait_timeout_ms = nil)
        WaitTime.check!(max_wait_timeout_ms) if max_wait_timeout_ms
        ready!
        message = @middleware.run(message) unless @middleware.empty?
        instrument("message.produced_sync", :message, message) { dispatch(message).wait(max_wait_timeout_ms: max_wait_timeout_ms) }
      rescue Errors::ProduceError => e
        told_of(e, "message.produce_sync", message: message)
        raise
      end

      # @param messages [Array<Hash>]
      # @param max_wait_timeout_ms [Numeric, nil] nil: the producer's max_wait_timeout; -1: for ever
      # @return [Array<DeliveryHandle>] all delivered
      # @raise [Errors::MessageInvalidError] nothing was sent
      # @raise [Errors::ProduceManyError] `dispatched` has the handles of those that were handed over
      def produce_many_sync(messages, max_wait_timeout_ms = nil)
        WaitTime.check!(max_wait_timeout_ms)
        ready!
        messages = @middleware.run_many(messages)
        instrument("messages.produced_sync", :messages, messages) do
          wait_for_all(dispatch_many(messages), max_wait_timeout_ms)
        end
      rescue Errors::ProduceError => e
        told_of(e, "messages.produce_many_sync", messages: messages)
        raise
      end

      protected

      # Looks at single reports only where something went wrong.
      def wait_for_all(handles, timeout_ms)
        return handles if handles.empty?

        delivery = handles.first.delivery
        timeout_ms ||= @config.max_wait_timeout
        @client.wait(delivery, nil, timeout_ms)
        failed = delivery.first_failure
        return handles unless failed

        begin
          handles[failed].answer(timeout_ms)
        rescue Errors::ProduceError => e
          raise Errors::ProduceManyError.new("message #{failed} of #{handles.size}: #{e.message}", handles), cause: e.cause
        end
        handles
      end
    end
  end
end

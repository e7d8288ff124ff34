# frozen_string_literal: true

module WaterDrop
  class Producer
    # Sending and waiting for the answer.
    module Sync
      # @param message [Hash]
      # @return [DeliveryReport]
      # @raise [Errors::MessageInvalidError] nothing was sent
      # @raise [Errors::ProduceError] not taken, not delivered, or no answer within max_wait_timeout
      def produce_sync(message)
        ready!
        message = @middleware.run(message) unless @middleware.empty?
        instrument("message.produced_sync", :message, message) { dispatch(message).wait }
      end

      # @param messages [Array<Hash>]
      # @return [Array<DeliveryHandle>] all delivered
      # @raise [Errors::MessageInvalidError] nothing was sent
      # @raise [Errors::ProduceManyError] `dispatched` has the handles of those that were handed over
      def produce_many_sync(messages)
        ready!
        messages = @middleware.run_many(messages)
        instrument("messages.produced_sync", :messages, messages) { wait_for_all(dispatch_many(messages)) }
      end

      private

      # Looks at single reports only where something went wrong.
      def wait_for_all(handles)
        return handles if handles.empty?

        delivery = handles.first.delivery
        @client.wait(delivery, nil, @config.max_wait_timeout)
        failed = delivery.first_failure
        return handles unless failed

        begin
          handles[failed].wait(max_wait_timeout_ms: 0)
        rescue Errors::ProduceError => e
          raise Errors::ProduceManyError.new("message #{failed} of #{handles.size}: #{e.message}", handles), cause: e.cause
        end
        handles
      end
    end
  end
end

# frozen_string_literal: true

module WaterDrop
  class Producer
    # Sending without waiting for the answer.
    module Async
      # @param message [Hash]
      # @return [DeliveryHandle]
      # @raise [Errors::MessageInvalidError] nothing was sent
      # @raise [Errors::ProduceError] not taken; `code` is :queue_full where there was no room in time
      def produce_async(message)
        # The bus has another Hash whenever somebody subscribes: one comparison says that nobody listens still.
        listeners, tag = @short
        handle = @engine.produce_one(message, tag) if listeners.equal?(@bus.listeners) && @middleware.empty?
        return handle if handle

        ready!
        return dispatch(message) if quiet?

        message = @middleware.run(message)
        instrument("message.produced_async", :message, message) { dispatch(message) }
      rescue Errors::ProduceError => e
        report_raised(e, "message.produce_async", message: message)
        raise
      end

      # All of them cross into the engine in one call.
      # @param messages [Enumerable<Hash>]
      # @return [Array<DeliveryHandle>]
      # @raise [Errors::MessageInvalidError] nothing was sent
      # @raise [Errors::ProduceManyError] those before the refused one were handed over: `dispatched`
      def produce_many_async(messages)
        ready!
        send_prepared(@middleware.run_many(messages))
      end

      # As {#produce_many_async}, for callers that follow no single message: no handle is made.
      # @api private
      # @param messages [Array<Hash>]
      # @return [void]
      # @raise [Errors::MessageInvalidError]
      # @raise [Errors::ProduceManyError]
      def produce_many_unfollowed(messages)
        ready!
        messages = @middleware.run_many(messages)
        instrument("messages.produced_async", :messages, messages) do
          result = with_client { |client| client.produce(messages, @queue_full_timeout).tap { client.keep(self) } }
          refused(result, messages, many: true) if result.is_a?(Array)
        end
      end

      private

      # They have been through the middleware.
      def send_prepared(messages)
        instrument("messages.produced_async", :messages, messages) { dispatch_many(messages) }
      rescue Errors::ProduceError => e
        report_raised(e, "messages.produce_many_async", messages: messages)
        raise
      end
    end
  end
end

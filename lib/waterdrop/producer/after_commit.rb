# frozen_string_literal: true

module WaterDrop
  class Producer
    # Sending with a transaction of ActiveRecord: when it is committed, never when it is rolled back. Where none is open, at once.
    #
    # A process that ends between the commit and the broker's answer loses the message: docs/rails.md has a recipe for an outbox.
    module AfterCommit
      # The message is checked now, so that a wrong one raises inside of the transaction. It is sent by {Async#produce_async}; what that
      # raises after the commit comes out of the block of `transaction`, as from `after_commit` of a model.
      # @param message [Hash]
      # @return [DeliveryHandle, nil] nil: sent after the commit
      # @raise [Errors::MessageInvalidError]
      # @raise [Errors::ProduceError] sent at once and not taken; `code` is :queue_full where there was no room in time
      def produce_after_commit(message)
        produce_many_after_commit([message])&.first
      end

      # @param messages [Enumerable<Hash>] sent in this order, in one call
      # @return [Array<DeliveryHandle>, nil] nil: sent after the commit
      # @raise [Errors::MessageInvalidError] none is sent
      # @raise [Errors::ProduceManyError] sent at once, and those before the refused one were handed over: `dispatched`
      def produce_many_after_commit(messages)
        ready!
        kept = @middleware.run_many(messages).map { |message| Snapshot.of(message) }
        invalid = Karafka::Native::Producer.check(kept, @config.max_payload_size)
        raise_invalid(invalid) if invalid

        handles = nil
        DatabaseTransaction.after_commit(method(:report_unsent)) do
          ready!
          handles = send_prepared(kept)
        end
        handles
      end

      private

      def report_unsent(error)
        return if report_error(error, "message.produce_after_commit.error")

        @config.logger.error("[#{id}] a message was not sent after a commit: #{error.message}")
      end
    end
  end
end

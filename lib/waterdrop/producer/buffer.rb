# frozen_string_literal: true

module WaterDrop
  class Producer
    # Collecting messages and sending them together.
    module Buffer
      # The message is checked now, sent by a flush.
      # @param message [Hash]
      # @return [Array<Hash>] the buffer's content
      # @raise [Errors::MessageInvalidError]
      def buffer(message)
        ready!
        message = @middleware.run(message) unless @middleware.empty?
        kept = append_to_buffer([message])
        instrument("message.buffered", :message, message) { kept }
      end

      # @param messages [Array<Hash>]
      # @return [Array<Hash>] the buffer's content
      # @raise [Errors::MessageInvalidError] none was buffered
      def buffer_many(messages)
        ready!
        messages = @middleware.run_many(messages)
        kept = append_to_buffer(messages)
        instrument("messages.buffered", :messages, messages) { kept }
      end

      # @return [Array<DeliveryHandle>]
      # @raise [Errors::ProduceManyError] what was not handed over stays in the buffer
      def flush_async
        flush_buffer("buffer.flushed_async") { |messages| dispatch_many(messages) }
      end

      # @return [Array<DeliveryHandle>] all delivered
      # @raise [Errors::ProduceManyError] what was not handed over stays in the buffer
      def flush_sync
        flush_buffer("buffer.flushed_sync") { |messages| wait_for_all(dispatch_many(messages)) }
      end

      # @return [Array<Hash>] what waits for a flush
      def messages
        @pid == ::Process.pid ? @buffer_lock.synchronize { @messages.dup } : []
      end

      private

      def append_to_buffer(messages)
        rebuild if @pid != ::Process.pid
        invalid = Karafka::Native::Producer.check(messages, @config.max_payload_size)
        raise_invalid(invalid) if invalid

        @buffer_lock.synchronize do
          raise Errors::ProducerClosedError, "producer #{id} is closed" unless %i[configured connected].include?(@state)

          @messages.concat(messages).dup
        end
      end

      def flush_buffer(event)
        ready!
        rebuild if @pid != ::Process.pid
        messages = take_buffer
        return [] if messages.empty?

        instrument(event, :messages, messages) { yield messages }
      rescue Errors::ProduceManyError => e
        give_back(messages.drop(e.dispatched.size))
        raise
      rescue Errors::ProducerClosedError, Errors::MessageInvalidError
        give_back(messages) if messages
        raise
      end

      def take_buffer
        @buffer_lock.synchronize do
          taken = @messages
          @messages = []
          taken
        end
      end

      # In front of what came in meanwhile.
      def give_back(messages)
        @buffer_lock.synchronize { @messages.unshift(*messages) }
      end

      def purge_buffer
        messages = take_buffer
        instrument("buffer.purged", :messages, messages) { nil } unless messages.empty?
      end

      # @return [Integer] messages that could not even be handed over
      def flush_for_close
        messages = take_buffer
        return 0 if messages.empty?

        @client.start
        dispatch_many(messages)
        0
      rescue Errors::ProduceManyError => e
        messages.size - e.dispatched.size
      end
    end
  end
end

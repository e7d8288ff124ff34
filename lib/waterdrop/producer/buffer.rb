# frozen_string_literal: true

module WaterDrop
  class Producer
    # Collecting messages and sending them together: when a flush method is called, or by itself when the buffer has
    # `buffer_max_messages` or `buffer_max_bytes`, or its oldest message has waited for `buffer_max_time`.
    module Buffer
      # The message is checked now, sent by a flush.
      # @param message [Hash]
      # @return [Array<Hash>] the buffer's content; not to be changed
      # @raise [Errors::MessageInvalidError]
      # @raise [Errors::ProduceManyError] the buffer is full and could not be flushed; the message was not taken
      def buffer(message)
        ready!
        message = @middleware.run(message) unless @middleware.empty?
        instrument_buffered("message.buffered", :message, message) { append_to_buffer([message]) }
      end

      # @param messages [Enumerable<Hash>]
      # @return [Array<Hash>] the buffer's content; not to be changed
      # @raise [Errors::MessageInvalidError] none was buffered
      # @raise [Errors::ProduceManyError] the buffer is full and could not be flushed; none of these was taken
      def buffer_many(messages)
        ready!
        messages = @middleware.run_many(messages)
        instrument_buffered("messages.buffered", :messages, messages) { append_to_buffer(messages) }
      end

      # @param through [Producer] for variants
      # @return [Array<DeliveryHandle>]
      # @raise [Errors::ProduceManyError] what was not handed over stays in the buffer
      def flush_async(through = self)
        flush_buffer("buffer.flushed_async", through) { |handles| handles }
      end

      # @param max_wait_timeout_ms [Numeric, nil] nil: the producer's max_wait_timeout; -1: forever
      # @param through [Producer] for variants
      # @return [Array<DeliveryHandle>] all delivered
      # @raise [Errors::ProduceManyError] what was not handed over stays in the buffer; `dispatched` has the rest
      def flush_sync(max_wait_timeout_ms = nil, through = self)
        WaitTime.check!(max_wait_timeout_ms)
        flush_buffer("buffer.flushed_sync", through) { |handles| through.wait_for_all(handles, max_wait_timeout_ms) }
      end

      # @return [Array<Hash>] what waits for a flush
      def messages
        @pid == ::Process.pid ? @buffer_lock.synchronize { @messages.dup } : []
      end

      private

      # Also in a forked child, where the buffer is the parent's and the parent sends it.
      def empty_buffer
        @messages = []
        @buffered_bytes = 0
        @timer = nil
      end

      def append_to_buffer(messages)
        rebuild if @pid != ::Process.pid
        invalid = Karafka::Native::Producer.check(messages, @config.max_payload_size)
        raise_invalid(invalid) if invalid

        # Only after a flush that failed: whoever brings more gets its error.
        flush_async if full?
        bytes = @config.buffer_max_bytes ? messages.sum { |message| bytesize_of(message) } : 0
        kept = @buffer_lock.synchronize do
          raise Errors::ProducerClosedError, "producer #{id} is closed" unless %i[configured connected].include?(@state)

          @buffered_bytes += bytes
          OpenProducers.keep(@buffer_lock, self)
          # Copied: whoever fills one Hash, or one String, again and again means each of them.
          @messages.concat(messages.map { |message| Snapshot.of(message) })
        end
        timer.arm if @config.buffer_max_time
        kept
      end

      def full?
        most = @config.buffer_max_messages
        return true if most && @messages.size >= most

        most = @config.buffer_max_bytes
        !most.nil? && @buffered_bytes >= most
      end

      # A failure from here on is reported to the monitor, as the caller's message was taken: it stays in the buffer.
      def flush_if_full(kept)
        return kept unless full?

        flush_by_itself
        @messages
      end

      def flush_by_itself
        flush_async
      rescue Karafka::Errors::BaseError => e
        reported = e.is_a?(Errors::ProduceError) ? @monitor.listening?("error.occurred") : report_error(e, "buffer.flush_async")
        @config.logger.error("[#{id}] a flush of the buffer failed, its messages stay in the buffer: #{e.message}") unless reported
        timer.arm if @config.buffer_max_time && %i[configured connected].include?(@state)
      end

      def timer
        @timer || @buffer_lock.synchronize do
          @timer ||= BufferTimer.new(@config.buffer_max_time) do
            Guard.call(@config, "a subscriber of a flush") { flush_by_itself }
          end
        end
      end

      def bytesize_of(message)
        headers = message[:headers]
        sizes = [message[:payload], message[:key], message[:partition_key]].sum { |string| string.to_s.bytesize }
        headers ? sizes + headers.sum { |name, values| name.to_s.bytesize + Array(values).sum { |value| value.to_s.bytesize } } : sizes
      end

      # @yieldreturn [Array<Hash>] the buffer
      def instrument_buffered(event, key, value)
        started = Karafka::Clock.now_ms
        kept = yield
        if @monitor.listening?(event)
          @monitor.instrument(event, { producer_id: id, key => value, buffer: kept, time: Karafka::Clock.now_ms - started })
        end
        flush_if_full(kept)
      end

      def flush_buffer(event, through)
        ready!
        rebuild if @pid != ::Process.pid
        messages = take_buffer
        return [] if messages.empty?

        instrument(event, :messages, messages) do
          instrument(event.sub("buffer.flushed", "messages.produced"), :messages, messages) { yield hand_over(messages, through) }
        end
      rescue Errors::ProduceError => e
        report_raised(e, event.sub("flushed", "flush"), messages: messages)
        raise
      end

      # Neither a Thread#kill nor a Timeout is rescued, and both must lose nothing: what was interrupted stays, though some
      # of it may have been taken.
      def hand_over(messages, through, room_timeout_ms = @queue_full_timeout)
        left = messages
        handles = through.dispatch_many(messages, room_timeout_ms)
        left = []
        handles
      rescue Errors::ProduceManyError => e
        left = messages.drop(e.dispatched.size)
        raise
      ensure
        give_back(left)
      end

      def take_buffer
        @buffer_lock.synchronize do
          taken = @messages
          @messages = []
          @buffered_bytes = 0
          @timer&.disarm
          OpenProducers.release(@buffer_lock)
          taken
        end
      end

      # In front of what came in meanwhile.
      def give_back(messages)
        return if messages.empty?

        @buffer_lock.synchronize do
          OpenProducers.keep(@buffer_lock, self)
          @messages = messages + @messages
          @buffered_bytes = @messages.sum { |message| bytesize_of(message) } if @config.buffer_max_bytes
        end
      end

      def purge_buffer
        messages = take_buffer
        instrument("buffer.purged", :messages, messages) { nil } unless messages.empty?
      end

      # A flush of the timer that is under way is waited for: what it cannot hand over comes back.
      # @param deadline_ms [Float]
      # @return [Integer] messages that were dropped
      def flush_for_close(deadline_ms)
        @timer&.stop(deadline_ms - Karafka::Clock.now_ms)
        dropped = 0
        begin
          messages = take_buffer
          unless messages.empty?
            current_client.start(self)
            hand_over(messages, self, [deadline_ms - Karafka::Clock.now_ms, 0].max.ceil.clamp(0, @queue_full_timeout))
          end
        rescue Errors::MessageInvalidError => e
          dropped += drop_invalid(messages[e.index], e)
          retry
        rescue Errors::ProduceManyError => e
          report_error(e, "buffer.flush_async", messages: messages)
        end
        dropped
      end

      # Something that it refers to was changed after it was checked. It must hold back neither the others nor a close.
      def drop_invalid(message, error)
        @buffer_lock.synchronize { @messages.delete_if { |candidate| candidate.equal?(message) } }
        reported = report_error(error, "buffer.flush_async", messages: [message])
        @config.logger.error("[#{id}] a message of the buffer cannot be sent: #{error.message}") unless reported
        1
      end
    end
  end
end

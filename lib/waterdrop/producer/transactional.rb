# frozen_string_literal: true

module WaterDrop
  class Producer
    # What a transactional producer does in another way: each call outside of a transaction is one of its own.
    module Transactional
      # Waits for nothing: a transaction that is open, or has its turn next, keeps the connections.
      # @return [Boolean]
      def disconnect
        return false unless @transactions.try_take

        begin
          @client.await_prepared if disconnectable?
          super
        rescue Errors::TransactionError => e
          renew_after(e)
          false
        ensure
          @transactions.leave
        end
      end

      protected

      def dispatch_many(messages, room_timeout_ms = @queue_full_timeout)
        return super if transaction?

        begin
          transaction { super(messages, room_timeout_ms) }
        rescue Errors::ProduceManyError => e
          # Those that were handed over went with the transaction.
          raise Errors::ProduceManyError.new(e.message, []), cause: e.cause
        end
      end

      private

      # The short way to the engine knows neither transactions nor that a client may be given up.
      def quiet?
        false
      end

      def dispatch(message)
        transaction? ? super(message) : transaction { super(message) }
      end

      # Waits for the transactions that came before, and takes no new ones. What is open after that time is closed all the
      # same: the transaction fails.
      def close_within(timeout_ms)
        return super if Karafka::TrapContext.inside?
        raise Errors::ProducerTransactionalCloseAttemptError, "a producer cannot be closed inside of its own transaction" if transaction?

        deadline = Karafka::Clock.now_ms + timeout_ms
        begin
          @ending = true
          mine = @transactions.take_until(deadline)
          send_buffer if mine && @pid == ::Process.pid && status.active?
          super([deadline - Karafka::Clock.now_ms, 0].max)
        ensure
          @ending = false
          @transactions.leave
        end
      end

      # What the trap has interrupted may be a transaction: the close then waits for its end.
      def close_from_trap(timeout_ms)
        interrupted = @transactions.mine? || [@lifecycle, @buffer_lock, @lanes_lock].any?(&:owned?)
        closer = Thread.new { close_within(timeout_ms) }
        return 0 if interrupted

        closer.join((timeout_ms / 1_000.0) + TRAP_SECONDS) ? closer.value : queue_size
      end

      # Seconds on top of the time limit after which a trap does not wait any longer.
      TRAP_SECONDS = 6
      private_constant :TRAP_SECONDS

      # Before the close, whose locks a transaction must not wait for.
      def send_buffer
        messages = take_buffer
        return if messages.empty?

        run_transaction { dispatch_many(messages) }
      rescue Karafka::Errors::BaseError => e
        give_back(messages)
        @config.logger.error("[#{id}] the buffer could not be sent before the close: #{e.message}")
      end

      def flush_for_close(deadline_ms)
        @timer&.stop(deadline_ms - Karafka::Clock.now_ms)
        0
      end
    end
    private_constant :Transactional
  end
end

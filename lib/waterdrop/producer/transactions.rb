# frozen_string_literal: true

module WaterDrop
  class Producer
    # All or nothing: what is produced in a transaction, and the offsets marked in it, become visible together or not at
    # all. One transaction of a producer at a time; other threads wait for their turn.
    module Transactions
      # Commits when the block returns, aborts when it raises: a {WaterDrop::AbortTransaction} ends there, anything else is
      # raised again. Inside of a transaction of the same thread, also of another fiber of it, it joins that one.
      # @yieldparam producer [Producer] self
      # @return [Object, nil] what the block returned; nil: aborted by {WaterDrop::AbortTransaction}
      # @raise [Errors::TransactionError] not committed; `in_doubt?` where nobody knows
      # @raise [Errors::EarlyTransactionExitNotAllowedError] the block was left by break, return or throw; it was aborted
      # @raise [Errors::ProducerNotTransactionalError]
      # @raise [Errors::TransactionTurnError] another thread has been in one for longer than the broker allows
      def transaction(&block)
        raise ArgumentError, "transaction needs a block" unless block
        return yield(self) if transaction?

        unless transactional?
          raise Errors::ProducerNotTransactionalError,
                "a transaction needs a producer with \"transactional.id\" in config.kafka, a name that no other running producer has"
        end
        @transactions.take(method(:check_turn)) { run_transaction(&block) }
      end

      # Marks a consumer's message as processed, together with what the transaction produces.
      # @param consumer [Karafka::BaseConsumer]
      # @param message [Karafka::Messages::Message]
      # @param metadata [String, nil] kept beside the offset
      # @return [Boolean] false: the partition was lost; the commit will be refused
      # @raise [Errors::TransactionRequiredError] outside of a transaction
      # @raise [Errors::TransactionalOffsetInvalidError] no consumer
      # @raise [ArgumentError] no message of its partition
      def transaction_mark_as_consumed(consumer, message, metadata = nil)
        raise Errors::TransactionRequiredError, "transaction_mark_as_consumed needs a transaction { } around it" unless transaction?

        unless consumer.respond_to?(:karafka_lease_of)
          raise Errors::TransactionalOffsetInvalidError,
                "transaction_mark_as_consumed needs a consumer and a message of it, not #{consumer.inspect}"
        end

        lease = consumer.karafka_lease_of(message)
        @transaction.mark(consumer, lease, message.offset, metadata)
        announce("transaction.marked_as_consumed", message: message) if @monitor.listening?("transaction.marked_as_consumed")
        !lease.revoked?
      end

      # @return [Boolean] whether this thread is inside of a transaction of this producer
      # @raise [Karafka::Errors::ForkedError] it has forked there
      def transaction?
        transaction = @transaction
        !transaction.nil? && transaction.mine?
      end

      # Ends what an earlier producer with the same transactional id has left open, and fences that producer.
      # @api private
      # @param wait [Boolean] for the answer
      # @return [void]
      # @raise [Errors::TransactionError]
      def prepare_transactions(wait: true)
        # Whoever is in one has done it.
        next_turn = wait || !@transactions.taken?
        next_turn && @transactions.take(method(:check_turn)) do
          ready_client!
          wait ? @client.transact(:init) : @client.prepare_transactions
        rescue Errors::TransactionError => e
          failed_to_begin(e)
          raise
        ensure
          give_up_client if wait && @client.transaction_stuck?
        end
      end

      private

      # Whoever waits for a thread that waits for it would do so for ever. That cannot be seen, but that the transaction has
      # taken longer than a broker allows.
      def check_turn
        holder = @transaction
        return unless holder&.overdue?

        raise Errors::TransactionTurnError,
              "#{holder.thread.inspect} has had a transaction of producer #{id} open for longer than transaction.timeout.ms " \
              "(#{@config.transaction_timeout_ms} ms): #{Thread.current.inspect} waits for its turn no longer. A thread that another one " \
              "waits for (join, value) inside of a transaction needs a producer of its own"
      end

      def run_transaction
        transaction = failure = nil
        returned = false
        started = Karafka::Clock.now_ms
        begin_transaction
        transaction = @transaction = Transaction.new(@client, @config)
        announce("transaction.started")
        result = yield(self)
        returned = true
        transaction.commit
        announce("transaction.committed")
        result
      rescue AbortTransaction => e
        failure = e
        nil
      rescue Karafka::Errors::ClosedError => e
        failure = e
        raise Errors::ProducerClosedError, "producer #{id} was closed while a transaction of it was open"
      rescue Exception => e # rubocop:disable Lint/RescueException -- aborted below, whatever it is
        failure = e
        raise
      ensure
        end_transaction(transaction)
        announce("transaction.finished", time: Karafka::Clock.now_ms - started) if transaction
        # The message that could not be sent only shows it; this says why.
        raise @finished if @finished && failure.instance_of?(Errors::ProduceError)

        raise_early_exit if transaction && !returned && failure.nil?
      end

      # A new client where one is beyond use, within bounds.
      def begin_transaction
        rebuilds = 0
        begin
          ready_client!
          @client.transact(:begin)
        rescue Errors::TransactionError => e
          failed_to_begin(e)
          raise if e.kind != :fatal || @finished || (rebuilds += 1) > @config.max_attempts_on_transaction_fatal_error

          sleep(@config.wait_backoff_on_transaction_fatal_error / 1_000.0)
          retry
        rescue Karafka::Errors::ForkedError
          rebuild
          retry
        rescue Karafka::Errors::ClosedError
          raise Errors::ProducerClosedError, "producer #{id} is closed"
        end
      end

      # In a forked child the parent's client is not ours to ask.
      def ready_client!
        raise @finished if @finished

        rebuild if @pid && @pid != ::Process.pid
        ready!
      end

      def failed_to_begin(error)
        @config.renew_after?(error) ? give_up_client : finished_by(error)
      end

      # Never left half open: where the abort does not work, the client is given up, and the next one, which is begun at
      # once, ends what this one has left.
      # @param transaction [Transaction, nil] nil: interrupted while it was begun
      def end_transaction(transaction)
        return @transaction = nil if transaction&.committed? || transaction&.foreign?

        outcome = nil
        begin
          outcome = transaction ? transaction.abort : begun_by_nobody
        ensure
          # Only now: handles and marks of the block belong to it until the end.
          @transaction = nil
          leave_client(outcome, transaction&.failure) unless %i[aborted closed].include?(outcome)
          announce("transaction.aborted") if transaction
        end
      end

      def begun_by_nobody
        :aborted unless @client.transaction_open? || @client.transaction_stuck?
      end

      # @param outcome [Symbol, nil] nil: the abort was interrupted
      def leave_client(outcome, failure)
        return finished_by(failure) if failure && outcome == failure.kind && !@config.renew_after?(failure)

        give_up_client(prepare: true)
      end

      # Another client would only throw the other one out in turn.
      def finished_by(error)
        @finished = error
        @client.abandon
      end

      # @param prepare [Boolean] what it had begun is to be ended soon: readers wait for that
      def give_up_client(prepare: false)
        old = @client
        @lifecycle.synchronize do
          next unless %i[configured connected].include?(@state)

          @client = @config.new_client
          next unless @state == :connected

          @client.start(self)
          @client.prepare_transactions if prepare
        end
        old.abandon
      end

      # A thread that is killed goes on ending. Before Ruby 3.3 `Timeout` throws, and goes on to its error: a break within a
      # Timeout looks the same, so it is said at least.
      def raise_early_exit
        return if Thread.current.status == "aborting"

        if !defined?(::Timeout::ExitException) && caller_locations.any? { |place| place.path.to_s.end_with?("/timeout.rb") }
          return @config.logger.warn("[#{id}] a transaction was left by a Timeout, break, return or throw, so it is aborted")
        end

        raise Errors::EarlyTransactionExitNotAllowedError,
              "a transaction was left by break, return or throw, so it is aborted; raise WaterDrop::AbortTransaction to abort in silence"
      end

      # A subscriber that raises must not decide about a transaction.
      def announce(name, **details)
        @monitor.instrument(name, { producer_id: id, caller: self, **details })
      rescue StandardError => e
        @config.logger.error("[#{id}] a subscriber of #{name} raised #{e.class}: #{e.message} (#{e.backtrace&.first})")
      end
    end

    # What a transactional producer does in another way: each call outside of a transaction is one of its own.
    module Transactional
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

      # The target may be of a client that has been given up since.
      def dispatch(message, _target = nil)
        transaction? ? super(message) : transaction { super(message) }
      end

      # Waits for the transaction that runs, before any other lock is taken. After so long it is closed all the same, and the
      # transaction fails.
      def close_within(timeout_ms)
        return super if trap_context?
        raise Errors::ProducerTransactionalCloseAttemptError, "a producer cannot be closed inside of its own transaction" if transaction?

        deadline = Karafka::Clock.now_ms + timeout_ms
        in_turn(deadline) do |mine|
          send_buffer if mine && @pid == ::Process.pid && status.active?
          super([deadline - Karafka::Clock.now_ms, 0].max)
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

      def in_turn(deadline)
        mine = @transactions.try_take
        until mine || Karafka::Clock.now_ms >= deadline
          sleep(0.01)
          mine = @transactions.try_take
        end
        yield mine
      ensure
        @transactions.leave
      end

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

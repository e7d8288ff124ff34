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
      # @raise [Errors::ProducerClosedError]
      def transaction(&)
        transaction_unless(nil, &)
      end

      # As {#transaction}, and gives up a step without an answer once nobody needs it any more.
      # @api private
      # @param give_up [#call, nil] asked while a step has no answer; gives a text that says why nobody needs it, or nil
      # @return [Object, nil] what the block returned
      def transaction_unless(give_up, &block)
        raise ArgumentError, "transaction needs a block" unless block
        return yield(self) if transaction?

        unless transactional?
          raise Errors::ProducerNotTransactionalError,
                "a transaction needs a producer with \"transactional.id\" in config.kafka, a name that no other running producer has"
        end
        raise Errors::ProducerClosedError, "producer #{id} is being closed: it begins no more transactions" if @ending

        @transactions.take(method(:check_turn)) { run_transaction(give_up, &block) }
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
      # @param give_up [#call, nil] as of {#transaction_unless}
      # @return [void]
      # @raise [Errors::TransactionError]
      def prepare_transactions(wait: true, give_up: nil)
        # Whoever is in one has done it.
        next_turn = wait || !@transactions.taken?
        next_turn && @transactions.take(method(:check_turn)) do
          ready_client!
          wait ? current_client.transact(:init, &give_up) : current_client.prepare_transactions
        rescue Errors::TransactionError => e
          renew_after(e)
          raise
        ensure
          give_up_client if wait && current_client.transaction_stuck?
        end
      end

      private

      # Whoever waits for a thread that waits for it would do so forever. That cannot be seen, but that the transaction has
      # taken longer than a broker allows.
      def check_turn
        holder = @transaction
        return unless holder&.overdue?

        raise Errors::TransactionTurnError,
              "#{holder.thread.inspect} has had a transaction of producer #{id} open for longer than transaction.timeout.ms " \
              "(#{@config.transaction_timeout_ms} ms): #{Thread.current.inspect} waits for its turn no longer. A thread that another one " \
              "waits for (join, value) inside of a transaction needs a producer of its own"
      end

      def run_transaction(give_up = nil)
        transaction = failure = nil
        returned = false
        started = Karafka::Clock.now_ms
        begin_transaction(give_up)
        transaction = @transaction = Transaction.new(current_client, @config, give_up)
        announce("transaction.started", time: Karafka::Clock.now_ms - started)
        result = yield(self)
        returned = true
        commit(transaction)
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
        raise_reason(failure, transaction&.failure)
        raise_early_exit if transaction && !returned && failure.nil?
      end

      # The message that could not be sent only shows that the client is fenced; this says why.
      def raise_reason(failure, reason)
        reason = @finished || (reason if %i[fenced timed_out].include?(reason&.kind))
        raise reason if reason && failure.instance_of?(Errors::ProduceError)
      end

      def commit(transaction)
        started = Karafka::Clock.now_ms
        transaction.commit
        reset_renewals
        announce("transaction.committed", time: Karafka::Clock.now_ms - started)
      end

      # A new client where one is beyond use, within bounds.
      def begin_transaction(give_up)
        failures = 0
        begin
          ready_client!
          current_client.transact(:begin, &give_up)
        rescue Errors::TransactionError => e
          renew_after(e)
          # A fenced one that is not finished has been given another id.
          raise if @finished || !%i[fatal fenced].include?(e.kind) || (failures += 1) > @config.max_attempts_on_transaction_fatal_error

          sleep(@config.wait_backoff_on_transaction_fatal_error / 1_000.0)
          retry
        rescue Karafka::Errors::ForkedError, Karafka::Errors::ClosedError => e
          rebuild_or_raise(e)
          retry
        end
      end

      # In a forked child the parent's client is not ours to ask.
      def ready_client!
        raise @finished if @finished

        rebuild if @pid && @pid != ::Process.pid
        ready!
      end

      # Never left half open: where the abort does not work, the client is given up, and the next one, which is begun at
      # once, ends what this one has left.
      # @param transaction [Transaction, nil] nil: interrupted while it was begun
      def end_transaction(transaction)
        return @transaction = nil if transaction&.committed? || transaction&.foreign?

        outcome = nil
        aborting = Karafka::Clock.now_ms
        begin
          outcome = transaction ? transaction.abort : begun_by_nobody
        ensure
          # Only now: handles and marks of the block belong to it until the end.
          @transaction = nil
          leave_client(outcome, transaction&.failure)
          announce("transaction.aborted", time: Karafka::Clock.now_ms - aborting) if transaction
        end
      end

      def begun_by_nobody
        :aborted unless current_client.transaction_open? || current_client.transaction_stuck?
      end

      # @param outcome [Symbol, nil] nil: the abort was interrupted
      def leave_client(outcome, failure)
        return if outcome == :closed
        # What comes next may have a sequence number that the broker does not expect.
        return if outcome == :aborted && !current_client.gap?
        return give_up_client(prepare: true) unless failure && outcome == failure.kind

        # Nothing is open after a timeout. And what was given up is ended by whoever needs it next, maybe elsewhere.
        renew_after(failure, prepare: failure.kind != :timed_out && failure.code != :given_up)
      end

      # A thread that is killed goes on ending. Before Ruby 3.3 `Timeout` throws, and goes on to its error: a break within a
      # Timeout looks the same, so it is logged at least.
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
        @config.logger.error("[#{id}] a subscriber of #{name} raised #{e.class}: #{e.message} (#{Karafka::Text.backtrace(e).first})")
      end
    end
  end
end

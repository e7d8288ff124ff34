# frozen_string_literal: true

module WaterDrop
  class Client
    # The steps of a transaction, each waited for within a bound. One at a time: the producer sees to that.
    #
    # A block given to a step is asked several times a second while there is no answer. Where it gives a text, why nobody
    # needs the answer any more, the step fails as one that got none in time.
    module Transactions
      # How many messages the error of a transaction names.
      MOST_NAMED = 10
      # How often that block is asked, ms.
      LOOK_MS = 200
      private_constant :MOST_NAMED, :LOOK_MS

      # Begins to end what an earlier producer with the same transactional id has left open. Does not wait: the next step
      # does.
      # @return [void]
      def prepare_transactions
        return if @preparing

        @preparing = true
        @native.transact(:init, transaction_times(@max_wait_timeout))
      end

      # Waits for the end of what {#prepare_transactions} has begun.
      # @param timeout_ms [Numeric]
      # @return [void]
      # @raise [Errors::TransactionError]
      def await_prepared(timeout_ms = @max_wait_timeout, &)
        return unless @preparing

        wait_for(:init, timeout_ms, proc { true }, &)
        @preparing = false
      end

      # @param step [:init, :begin, :commit, :abort]
      # @param timeout_ms [Numeric]
      # @yieldreturn [String, nil] why nobody needs the answer
      # @return [void]
      # @raise [Errors::TransactionError]
      def transact(step, timeout_ms = @max_wait_timeout, &)
        await_prepared(timeout_ms, &)
        # Before it is: where this thread is interrupted, more is taken for open than is.
        @transaction_open = true if step == :begin
        wait_for(step, timeout_ms, proc { @native.transact(step, transaction_times(timeout_ms)) }, &)
        @transaction_open = false if %i[commit abort].include?(step)
      rescue Errors::TransactionError
        @transaction_open = false if step == :begin
        raise
      end

      # @param lease [Karafka::Native::Lease] of the partition
      # @param offset [Integer] everything before it is processed
      # @param note [String, nil] kept beside the offset
      # @param timeout_ms [Numeric]
      # @yieldreturn [String, nil] why nobody needs the answer
      # @return [Boolean] false: the partition is lost
      # @raise [Errors::TransactionError]
      def transact_offset(lease, offset, note, timeout_ms = @max_wait_timeout, &)
        times = transaction_times(timeout_ms)
        wait_for(:send_offsets, timeout_ms, proc { @native.transact_offset(lease, offset, note, times) }, &)
      end

      # @return [Boolean] a transaction has begun and not ended, as far as is known
      def transaction_open?
        @transaction_open == true
      end

      # @return [Boolean] a step has no answer: nothing more can be asked of this client
      def transaction_stuck?
        @step_under_way == true
      end

      # @return [Boolean] a message was refused or purged: the next transaction of this client may fail
      def gap?
        @native.gap?
      end

      # Gives the client up without waiting. Its handles say so; its threads end by themselves.
      # @return [void]
      def abandon
        @native.abandon
      end

      private

      def transaction_times(timeout_ms)
        [timeout_ms.ceil, @config.wait_backoff_on_transaction_command.ceil, @config.max_attempts_on_transaction_command,
         @config.wait_timeout_on_transaction_abort.ceil]
      end

      # @param hand_over [#call] false: nothing was handed over
      def wait_for(step, timeout_ms, hand_over, &)
        @step_under_way = true
        begin
          return @step_under_way = false if hand_over.call == false
        rescue Karafka::Errors::BaseError
          @step_under_way = false
          raise
        end
        answer = ScheduledWait.call { answer_within(timeout_ms, &) }
        @step_under_way = answer != true && (answer.nil? || answer.first == :stuck)
        answer == true || fail_step(step, *answer)
      end

      # The engine's own bound comes before this one. Signals and Thread#kill get through meanwhile.
      def answer_within(timeout_ms)
        bound = timeout_ms.ceil + 60_000
        return @native.transaction_answer(bound) unless block_given?

        deadline = Karafka::Clock.now_ms + bound
        until (answer = @native.transaction_answer(LOOK_MS))
          reason = yield
          return [:stuck, :given_up, "nobody waits for the answer any more, because #{reason}", false, false] if reason
          return if Karafka::Clock.now_ms > deadline
        end
        answer
      end

      # A subscriber must not decide about a transaction.
      def tell_of_step(step, error)
        Karafka::ErrorCounts.add("transaction.#{step}")
        return unless @monitor.listening?("error.occurred")

        payload = { producer_id: @config.id, caller: self, error: error, type: "transaction.#{step}" }
        Guard.call(@config, "a subscriber of error.occurred") { @monitor.instrument("error.occurred", payload) }
      end

      # @return [String] which messages the broker has refused for what is in them: the others only failed with these
      def culprits
        reports = @native.culprits.filter_map { |delivery, index| DeliveryReport.of(delivery, index, nil) { kafka } }
        return "" if reports.empty?

        texts = reports.first(MOST_NAMED).map { |report| "#{FailureText.of(report)} (#{report.error.code})" }
        texts << "and #{reports.size - MOST_NAMED} more" if reports.size > MOST_NAMED
        ". #{texts.join(". ")}"
      end

      def fail_step(step, kind = :stuck, code = :timed_out, message = "no answer", fatal = false, retryable = false) # rubocop:disable Metrics/ParameterLists, Style/OptionalBooleanParameter
        code = :transaction_timed_out if kind == :timed_out
        message = FailureText.because(message, trouble(0))
        cause = Karafka::Errors::KafkaError.new(message, code: code, fatal: fatal, retryable: retryable, abortable: kind == :abortable)
        tell_of_step(step, cause)
        text = "#{explanation(kind)}#{step} of a transaction failed: #{message} (#{code})#{culprits}"
        raise Errors::TransactionError.new(text, kind: kind, step: step), cause: cause
      end

      def explanation(kind)
        case kind
        when :fenced
          "another producer with the transactional.id #{@config.kafka[:"transactional.id"]} has taken over. This producer sends " \
          "nothing more: close it. "
        when :timed_out
          "the transaction took longer than transaction.timeout.ms (#{@config.transaction_timeout_ms} ms), so the broker has aborted it: " \
          "do less in one transaction, or raise transaction.timeout.ms. "
        end
      end
    end
  end
end

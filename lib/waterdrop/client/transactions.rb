# frozen_string_literal: true

module WaterDrop
  class Client
    # The steps of a transaction, each waited for within a bound. One at a time: the producer sees to that.
    module Transactions
      # Begins to end what an earlier producer with the same transactional id has left open. Does not wait: the next step
      # does.
      # @return [void]
      def prepare_transactions
        return if @preparing

        @preparing = true
        @native.transact(:init, *transaction_times(@max_wait_timeout))
      end

      # @param step [:init, :begin, :commit, :abort]
      # @param timeout_ms [Numeric]
      # @return [void]
      # @raise [Errors::TransactionError]
      def transact(step, timeout_ms = @max_wait_timeout)
        prepared(timeout_ms)
        # Before it is: where this thread is interrupted, more is taken for open than is.
        @transaction_open = true if step == :begin
        wait_for(step, timeout_ms) { @native.transact(step, *transaction_times(timeout_ms)) }
        @transaction_open = false if %i[commit abort].include?(step)
      rescue Errors::TransactionError
        @transaction_open = false if step == :begin
        raise
      end

      # @param lease [Karafka::Native::Lease] of the partition
      # @param offset [Integer] everything before it is processed
      # @param note [String, nil] kept beside the offset
      # @return [Boolean] false: the partition is lost
      # @raise [Errors::TransactionError]
      def transact_offset(lease, offset, note)
        times = transaction_times(@max_wait_timeout)
        wait_for(:send_offsets, @max_wait_timeout) { @native.transact_offset(lease, offset, note, times) }
      end

      # @return [Boolean] a transaction has begun and not ended, as far as is known
      def transaction_open?
        @transaction_open == true
      end

      # @return [Boolean] a step has no answer: nothing more can be asked of this client
      def transaction_stuck?
        @step_under_way == true
      end

      # Gives the client up without waiting. Its handles say so; its threads end by themselves.
      # @return [void]
      def abandon
        @native.abandon
      end

      private

      def transaction_times(timeout_ms)
        [timeout_ms.ceil, @config.wait_backoff_on_transaction_command.ceil, @config.max_attempts_on_transaction_command]
      end

      def prepared(timeout_ms)
        return unless @preparing

        wait_for(:init, timeout_ms) { true }
        @preparing = false
      end

      # @yieldreturn [Boolean] false: nothing was handed over
      def wait_for(step, timeout_ms)
        @step_under_way = true
        begin
          return @step_under_way = false if yield == false
        rescue Karafka::Errors::BaseError
          @step_under_way = false
          raise
        end
        # The engine's own bound comes before this one. Signals and Thread#kill get through meanwhile.
        answer = @native.transaction_answer(timeout_ms.ceil + 60_000)
        @step_under_way = answer != true && (answer.nil? || answer.first == :stuck)
        answer == true || fail_step(step, *answer)
      end

      # A subscriber must not decide about a transaction.
      def tell_of_step(step, error)
        return unless @monitor.listening?("error.occurred")

        payload = { producer_id: @config.id, caller: self, error: error, type: "transaction.#{step}" }
        Guard.call(@config, "a subscriber of error.occurred") { @monitor.instrument("error.occurred", payload) }
      end

      def fail_step(step, kind = :stuck, code = :timed_out, message = "no answer", fatal = false, retryable = false) # rubocop:disable Metrics/ParameterLists, Style/OptionalBooleanParameter
        cause = Karafka::Errors::KafkaError.new(message, code: code, fatal: fatal, retryable: retryable, abortable: kind == :abortable)
        tell_of_step(step, cause)
        text = "#{step} of a transaction failed: #{message} (#{code})"
        if kind == :fenced
          text = "another producer with the transactional.id #{@config.kafka[:"transactional.id"]} has taken over, or the transaction " \
                 "took longer than its transaction.timeout.ms. This producer sends nothing more: close it. #{text}"
        end
        raise Errors::TransactionError.new(text, kind: kind, step: step), cause: cause
      end
    end
  end
end

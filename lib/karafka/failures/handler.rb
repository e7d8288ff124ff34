# frozen_string_literal: true

module Karafka
  module Failures
    # Carries out what {Policy} decides when `consume` raised: sends, marks, reports, and settles the lease. One for each assignment,
    # made at its first failure; it dies with it.
    class Handler
      # @param assignment [Assignment]
      # @param guard [CircuitBreaker, nil] that of the whole partition, where it has several assignments (`parallel`)
      def initialize(assignment, guard = nil)
        @assignment = assignment
        @topic = assignment.topic
        @queue = @topic.dead_letter_queue
        @policy = Policy.new(@topic)
        @guard = guard || CircuitBreaker.new(@queue.stop_after)
        # Attempts that a {RetryLater} asked for, or that never got to `consume`.
        @postponed = 0
      end

      # @param lease [Native::Lease] of a batch
      # @param error [Exception] not one that ends the process
      # @param reached [Boolean] whether the user's `consume` ran at all
      # @return [void]
      def call(lease, error, reached: true)
        @postponed = 0 if lease.attempt == 1
        batch = FailedBatch.new(@assignment, lease, error, reached: reached, postponed: @postponed)
        decision = @policy.decide(batch)
        @postponed += 1 if decision.action == :retry && !reached
        carry_out(lease, error, decision)
      rescue SystemExit, SignalException, NoMemoryError
        raise
      rescue Exception => e # rubocop:disable Lint/RescueException -- whatever it was, the batch must come again
        report(e, "consumer.failure.error")
        try_again(lease, e)
      end

      # A batch went through.
      # @return [void]
      def succeeded
        @postponed = 0
        @guard.succeeded
      end

      private

      def carry_out(lease, error, decision)
        report(decision.report, decision.report_type, seek_offset: lease.seek_offset) if decision.report
        case decision.action
        when :retry then try_again(lease, error, alone: decision.alone, delay: decision.delay)
        when :postpone then postpone(lease, error)
        when :skip then skip(lease, decision.message, error, decision.reason)
        when :retry_topic then dispatch(lease, decision.message, error, decision.reason, stage: @topic.next_stage)
        when :set_aside then set_aside(lease, decision.message, error, decision.reason)
        when :dead_letter then dead_letter(lease, decision.message, error, decision.reason)
        end
      end

      def postpone(lease, error)
        @postponed += 1
        attempt = lease.attempt
        return unless lease.retry(error.delay, false)

        consumer.karafka_paused(lease.seek_offset, error.delay, manual: false, attempt: attempt)
        announce("consumer.consuming.postponed", attempt: attempt, delay: error.delay, reason: error.message)
      end

      def dead_letter(lease, message, error, reason)
        return stop(lease, message) if @guard.exceeded?(message.offset, first: lease.unmarked_index == 0) # rubocop:disable Style/NumericPredicate -- may be nil

        @queue.topic ? dispatch(lease, message, error, reason) : skip(lease, message, error, reason)
      end

      def set_aside(lease, message, error, reason)
        return SkipOrders.finish(error.order, :skipped) if !@queue.topic && skip(lease, message, error, reason)

        dead = dispatch(lease, message, error, reason) if @queue.topic
        SkipOrders.finish(error.order, :dead_lettered, dead[:topic]) if dead
      end

      # @return [Hash{Symbol=>Object}, nil] what was sent; nil: the message stays
      def dispatch(lease, message, error, reason, stage: nil, without_payload: false)
        # Another process has it by now.
        if lease.revoked?
          try_again(lease, error)
          return
        end

        mark = stage || error.is_a?(OrderedSkip) || @queue.mark_after_dispatch?
        transactional = mark && TransactionalDispatch.for?(@topic)
        return others_first(lease, message, error, stage) if transactional && behind_others?(lease, message)

        begin
          dispatched = in_transaction(lease, message, transactional) do
            Dispatch.new(consumer, message, error, reason, attempt: lease.attempt, stage: stage, without_payload: without_payload).call
          end
        rescue StandardError => e
          return too_large(lease, message, error, reason, stage) if shortened?(message, e, without_payload)

          return not_dispatched(lease, message, error, e, stage)
        end
        # It has left: whatever fails from here on must not send it a second time.
        leave(lease, message, mark: mark)
        Counters.add(stage ? :moved : :dispatched, lease)
        Dispatch.announce(consumer, message, error, dispatched, stage)
        dispatched
      end

      def not_dispatched(lease, message, error, failure, stage)
        if error.is_a?(OrderedSkip)
          error.order.failed(failure)
        elsif !stage
          @guard.stayed(message.offset)
        end
        report(TooLarge.cause?(failure) ? TooLarge.error(message, target(stage), failure) : failure, "dead_letter_queue.dispatch.error")
        try_again(lease, error)
        nil
      end

      def shortened?(message, failure, without_payload)
        @queue.too_large == :without_payload && !without_payload && message.raw_payload && TooLarge.cause?(failure)
      end

      # A retry without the payload would be of no use.
      def too_large(lease, message, error, reason, stage)
        stage ? dead_letter(lease, message, error, reason) : dispatch(lease, message, error, reason, without_payload: true)
      end

      def target(stage)
        stage ? stage.subscription_name : @queue.kafka_topic
      end

      # A mark covers all messages before it, so in one transaction with its mark only the first one that is not marked can leave.
      def behind_others?(lease, message)
        index = lease.unmarked_index
        !index.nil? && lease.offset(index) < message.offset
      end

      # The batch comes again one message at a time, until it is this one's turn.
      def others_first(lease, message, error, stage)
        @guard.stayed(message.offset) unless stage || error.is_a?(OrderedSkip)
        try_again(lease, error, alone: true, delay: 0)
        nil
      end

      # The message leaves and is marked in one transaction, where that can be.
      def in_transaction(lease, message, transactional, &)
        index = lease.unmarked_index if transactional
        return yield unless index && lease.offset(index) == message.offset

        consumer.transaction { yield.tap { consumer.mark_as_consumed(message) } }
      end

      def skip(lease, message, error, reason)
        return unless leave(lease, message, mark: true)

        Counters.add(:skipped, lease)
        announce("consumer.consuming.skipped", message: message, reason: reason, error: error)
        true
      end

      # The partition goes on behind the message.
      def leave(lease, message, mark:)
        commit(lease, message) if mark && @queue.marking_method == :mark_as_consumed!
        lease.skip_message(message.offset, mark ? true : false)
      end

      # A commit that fails comes with the next one; the message is where it has to be.
      def commit(lease, message)
        index = lease.unmarked_index
        return unless index && lease.offset(index) == message.offset

        lease.mark(message.offset) && lease.commit_sync
      rescue Errors::KafkaError, Errors::EngineError => e
        report(e, "connection.client.commit_offsets.error")
      end

      def stop(lease, message)
        text = @guard.explain(@topic, lease.partition, message.offset, @queue)
        @guard.reset
        return unless lease.retry(-1, false)

        Counters.add(:stopped)
        report(Errors::DeadLetterLimitError.new(text), "dead_letter_queue.stopped.error")
        announce("dead_letter_queue.stopped", message: message, topic: @topic.name, partition: lease.partition, offset: message.offset)
      end

      # @param delay [Integer, nil] nil: the back-off
      def try_again(lease, error, alone: false, delay: nil)
        attempt = lease.attempt
        delay = lease.settled? ? false : lease.retry(delay, alone)
        return unless delay

        consumer.karafka_paused(lease.seek_offset, delay, manual: false, attempt: attempt)
        return unless Karafka.monitor.listening?("consumer.consuming.retry")

        Instrumentation::Safely.instrument(
          "consumer.consuming.retry",
          { caller: consumer, topic: @topic.name, partition: lease.partition, attempt: attempt, delay: delay, timeout: delay,
            offset: lease.seek_offset, error: error }
        )
      end

      def consumer
        @assignment.consumer
      end

      def report(error, type, **rest)
        Instrumentation::Safely.error(error, type, caller: consumer, **rest)
      end

      def announce(event, **payload)
        Instrumentation::Announcements.announce(event, { caller: consumer, **payload })
      end
    end
  end
end

# frozen_string_literal: true

module Karafka
  # What happens with messages that could not be processed.
  module Failures
    # Decides what follows when `consume` raised, and settles the lease. One for each assignment, made at its first failure;
    # it dies with it.
    #
    # Which message failed is known only where the batch has one message, or the error names it. Otherwise, before anything
    # leaves the partition, the batch comes again one message at a time.
    class Handler
      # @param assignment [Assignment]
      # @param guard [Guard, nil] that of the whole partition, where it has several assignments (`parallel`)
      def initialize(assignment, guard = nil)
        @assignment = assignment
        @topic = assignment.topic
        @queue = @topic.dead_letter_queue
        @guard = guard || Guard.new(@queue.stop_after)
        # Attempts that a {RetryLater} asked for.
        @postponed = 0
      end

      # @param lease [Native::Lease] of a batch
      # @param error [Exception] not one that ends the process
      # @param reached [Boolean] whether the user's `consume` ran at all
      # @return [void]
      def call(lease, error, reached: true)
        @postponed = 0 if lease.attempt == 1
        decide(lease, error, reached)
      rescue SystemExit, SignalException, NoMemoryError
        raise
      rescue Exception => e # rubocop:disable Lint/RescueException -- whatever it was, the batch must come again
        report(e, "consumer.failure.error")
        again(lease, e)
      end

      # A batch went through.
      # @return [void]
      def succeeded
        @postponed = 0
        @guard.succeeded
      end

      private

      def decide(lease, error, reached)
        case error
        when RetryLater then postpone(lease, error)
        when Skip then settle(lease, error) { |message| pass(lease, message, error, "skip") }
        when Reject then reject(lease, error)
        when Errors::DeserializationError then undecodable(lease, error, reached)
        else ordinary(lease, error, reached)
        end
      end

      # Retries, then moves or dead-letters. Errors that came before `consume` ran are not about the messages.
      def ordinary(lease, error, reached)
        report(error, "consumer.consume.error", seek_offset: lease.seek_offset)
        return again(lease, error) unless reached && (@queue.active? || @topic.next_stage)

        tries_left = @queue.max_retries - (lease.attempt - @postponed - 1)
        # The last try is alone, so that it tells which message fails.
        return again(lease, error, alone: tries_left == 1 && !alone?(lease)) if tries_left.positive?

        settle(lease, error) { |message| leave(lease, message, error, "error") }
      end

      def undecodable(lease, error, reached)
        policy = @topic.on_deserialization_error
        # It names its message, so it does not matter whether `consume` met it or a `wrap` before that.
        message = of_batch(lease, error) unless policy == :raise
        return ordinary(lease, error, reached) unless message

        report(error, "consumer.deserialization.error")
        policy == :skip ? pass(lease, message, error, "deserialization") : bury(lease, message, error, "deserialization")
      end

      def reject(lease, error)
        unless @queue.active?
          text = "Karafka::Reject (#{error.message}) needs a dead_letter_queue in the routes of #{@topic.name}; the batch comes again"
          report(Errors::InvalidConfigurationError.new(text), "consumer.consume.error")
          return again(lease, error)
        end

        settle(lease, error) { |message| bury(lease, message, error, "reject") }
      end

      def postpone(lease, error)
        @postponed += 1
        attempt = lease.attempt
        return unless lease.retry(error.delay, false)

        tell("consumer.consuming.postponed", attempt: attempt, delay: error.delay, reason: error.message)
      end

      # With the message it is about. Where that is not known yet, the batch is taken apart first.
      def settle(lease, error)
        subject = error.subject if error.is_a?(Outcome)
        return foreign(lease, error, subject) if subject && !here?(lease, subject)

        message = subject || current(lease)
        return again(lease, error) unless message
        return yield(message) if subject || alone?(lease)

        again(lease, error, alone: true, delay: 0)
      end

      def foreign(lease, error, subject)
        text = "#{error.class} is about #{subject.inspect}, which is not of #{lease.topic}/#{lease.partition}; the batch comes again"
        report(ArgumentError.new(text), "consumer.consume.error")
        again(lease, error)
      end

      # To the next retry topic, else to the dead letter queue.
      def leave(lease, message, error, reason)
        stage = @topic.next_stage
        stage ? dispatch(lease, message, error, reason, stage: stage) : bury(lease, message, error, reason)
      end

      def bury(lease, message, error, reason)
        return stop(lease, message) if @guard.exceeded?(message.offset, first: lease.unmarked_index == 0) # rubocop:disable Style/NumericPredicate -- may be nil

        @queue.topic ? dispatch(lease, message, error, reason) : pass(lease, message, error, reason)
      end

      def dispatch(lease, message, error, reason, stage: nil, without_payload: false)
        # Another process has it by now.
        return again(lease, error) if lease.revoked?

        mark = stage || @queue.mark_after_dispatch?
        dispatched = together(lease, message, mark) do
          Dispatch.new(consumer, message, error, reason, attempt: lease.attempt, stage: stage, without_payload: without_payload).call
        end
        give_up(lease, message, mark: mark)
        Counts.add(stage ? :moved : :dispatched)
        Dispatch.tell(consumer, message, error, dispatched, stage)
      rescue StandardError => e
        return too_large(lease, message, error, reason, stage) if shortened?(message, e, without_payload)

        @guard.stayed(message.offset) unless stage
        report(Oversize.cause?(e) ? Oversize.error(message, target(stage), e) : e, "dead_letter_queue.dispatch.error")
        again(lease, error)
      end

      def shortened?(message, failure, without_payload)
        @queue.too_large == :without_payload && !without_payload && message.raw_payload && Oversize.cause?(failure)
      end

      # A retry without the payload would be of no use.
      def too_large(lease, message, error, reason, stage)
        stage ? bury(lease, message, error, reason) : dispatch(lease, message, error, reason, without_payload: true)
      end

      def target(stage)
        stage ? stage.subscription_name : @queue.kafka_topic
      end

      # The message leaves and is marked in one transaction, where that can be.
      def together(lease, message, mark, &)
        index = lease.unmarked_index if mark && Together.for?(@topic)
        return yield unless index && lease.offset(index) == message.offset

        consumer.transaction { yield.tap { consumer.mark_as_consumed(message) } }
      end

      def pass(lease, message, error, reason)
        return unless give_up(lease, message, mark: true)

        Counts.add(:skipped)
        tell("consumer.consuming.skipped", message: message, reason: reason, error: error)
      end

      def give_up(lease, message, mark:)
        commit(lease, message) if mark && @queue.marking_method == :mark_as_consumed!
        lease.give_up(message.offset, mark ? true : false)
      end

      # A commit that fails comes with the next one; the message is where it has to be.
      def commit(lease, message)
        index = lease.unmarked_index
        return unless index && lease.offset(index) == message.offset

        lease.mark(message.offset) && lease.commit_sync
      rescue Errors::KafkaError => e
        report(e, "connection.client.commit_offsets.error")
      end

      def stop(lease, message)
        text = @guard.explain(@topic, lease.partition, message.offset, @queue)
        @guard.reset
        return unless lease.retry(-1, false)

        Counts.add(:stopped)
        report(Errors::DeadLetterLimitError.new(text), "dead_letter_queue.stopped.error")
        tell("dead_letter_queue.stopped", message: message, topic: @topic.name, partition: lease.partition, offset: message.offset)
      end

      # @param delay [Integer, nil] nil: the back-off
      def again(lease, error, alone: false, delay: nil)
        attempt = lease.attempt
        delay = lease.settled? ? false : lease.retry(delay, alone)
        return if !delay || !Karafka.monitor.listening?("consumer.consuming.retry")

        Instrumentation::Safely.instrument(
          "consumer.consuming.retry",
          { caller: consumer, topic: @topic.name, partition: lease.partition, attempt: attempt, delay: delay, timeout: delay,
            offset: lease.seek_offset, error: error }
        )
      end

      def alone?(lease)
        lease.size == 1 || @assignment.each?
      end

      def current(lease)
        return consumer.params if @assignment.each?

        index = lease.unmarked_index
        index && consumer.messages[index]
      end

      # A place that was made by hand has to be of this batch: one that is still to come would be left out without being seen.
      def here?(lease, message)
        return false unless message.is_a?(Messages::Message) || consumer.messages.offsets.include?(message.offset)

        message.partition == lease.partition && [lease.topic, @topic.name, consumer.messages.first&.topic].include?(message.topic)
      end

      def of_batch(lease, error)
        consumer.messages.to_a.find do |message|
          message.of?(lease) && message.offset == error.offset && error.partition == message.partition && error.topic == message.topic
        end
      end

      def consumer
        @assignment.consumer
      end

      def report(error, type, **rest)
        Instrumentation::Safely.error(error, type, caller: consumer, **rest)
      end

      def tell(event, **payload)
        Notice.tell(event, { caller: consumer, **payload })
      end
    end
  end
end

# frozen_string_literal: true

module Karafka
  # What happens with messages that could not be processed.
  module Failures
    # Decides what follows when `consume` raised. It only looks at the route and at the {FailedBatch}, and does nothing itself.
    #
    # Which message failed is known only where the batch has one message, or the error names it. Otherwise, before anything
    # leaves the partition, the batch comes again one message at a time.
    class Policy
      # @param topic [Routing::Topic]
      def initialize(topic)
        @topic = topic
        @queue = topic.dead_letter_queue
      end

      # @param batch [FailedBatch]
      # @return [Decision]
      def decide(batch)
        case batch.error
        when RetryLater then decision(:postpone, delay: batch.error.delay)
        when OrderedSkip then decision(:set_aside, batch.subject, "operator")
        when Skip then about_message(batch) { |message| decision(:skip, message, "skip") }
        when Reject then reject(batch)
        when Errors::DeserializationError then undecodable(batch)
        else ordinary(batch)
        end
      end

      private

      # Retries, then moves or dead-letters.
      def ordinary(batch)
        after_error(batch).reporting(batch.error, "consumer.consume.error")
      end

      def after_error(batch)
        return decision(:retry) unless batch.reached? && (@queue.active? || @topic.next_stage)

        tries_left = @queue.max_retries - (batch.attempt - 1)
        # The last try is alone, so that it tells which message fails.
        return decision(:retry, alone: tries_left == 1 && !batch.alone?) if tries_left.positive?

        message = batch.in_hand if @queue.at_once? && !batch.alone?
        return leave(message) if message

        about_message(batch) { |one| leave(one) }
      end

      def undecodable(batch)
        policy = @topic.on_deserialization_error
        message = batch.undecodable unless policy == :raise
        return ordinary(batch) unless message

        action = policy == :skip ? :skip : :dead_letter
        decision(action, message, "deserialization").reporting(batch.error, "consumer.deserialization.error")
      end

      def reject(batch)
        return about_message(batch) { |message| decision(:dead_letter, message, "reject") } if @queue.active?

        text = "Karafka::Reject (#{batch.error.message}) needs a dead_letter_queue in the routes of #{@topic.name}; the batch comes again"
        decision(:retry).reporting(Errors::InvalidConfigurationError.new(text), "consumer.consume.error")
      end

      # To the next retry topic, else to the dead letter queue.
      def leave(message)
        decision(@topic.next_stage ? :retry_topic : :dead_letter, message, "error")
      end

      # With the message it is about. Where that is not known yet, the batch is taken apart first.
      def about_message(batch)
        subject = batch.subject
        return foreign(batch, subject) if subject && !batch.subject_here?

        message = subject || batch.current
        return decision(:retry) unless message
        return yield(message) if subject || batch.alone?

        decision(:retry, alone: true, delay: 0)
      end

      def foreign(batch, subject)
        text = "#{batch.error.class} is about #{subject.inspect}, which is not of #{batch.place}; the batch comes again"
        decision(:retry).reporting(ArgumentError.new(text), "consumer.consume.error")
      end

      def decision(action, message = nil, reason = nil, delay: nil, alone: false)
        Decision.new(action: action, message: message, reason: reason, delay: delay, alone: alone).freeze
      end
    end
  end
end

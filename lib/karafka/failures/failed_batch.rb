# frozen_string_literal: true

module Karafka
  module Failures
    # What is known of a batch whose `consume` raised: everything that {Policy} looks at.
    class FailedBatch
      # @return [Exception]
      attr_reader :error
      # @return [Integer] attempts that count, this one included
      attr_reader :attempt

      # @param assignment [Assignment]
      # @param lease [Native::Lease]
      # @param error [Exception]
      # @param reached [Boolean] whether the user's `consume` ran at all
      # @param postponed [Integer] attempts that do not count
      def initialize(assignment, lease, error, reached:, postponed: 0)
        @assignment = assignment
        @lease = lease
        @error = error
        @reached = reached
        @attempt = lease.attempt - postponed
      end

      # @return [Boolean] whether the error may be about the messages: those that came before `consume` ran are not
      def reached?
        @reached
      end

      # @return [Boolean] whether the consumer had one message only, so that it is the one that failed
      def alone?
        @lease.size == 1 || @assignment.each? || messages.size == 1
      end

      # @return [String] the partition, for messages
      def place
        "#{@lease.topic}/#{@lease.partition}"
      end

      # @return [Messages::Message, nil] the message that an {Outcome} names
      def subject
        @error.subject if @error.is_a?(Outcome)
      end

      # A place that was made by hand has to be of this batch: one that is still to come would be left out without being seen.
      # @return [Boolean] whether the message that an {Outcome} names is of this batch
      def subject_here?
        return false unless subject.is_a?(Messages::Message) || messages.offsets.include?(subject.offset)

        subject.partition == @lease.partition && [@lease.topic, @assignment.topic.name, messages.first&.topic].include?(subject.topic)
      end

      # @return [Messages::Message, nil] the first one that is not marked; nil: it is of an earlier batch
      def current
        return @assignment.consumer.params if @assignment.each?

        index = @lease.unmarked_index
        index && messages.from(index)
      end

      # It is believed only where nobody wants a second try: a consumer that gathers messages and fails as it writes them would have
      # another one in hand.
      # @return [Messages::Message, nil] the message that `consume` had when it raised
      def in_hand
        index = messages.index_of_failure(@error)
        unmarked = @lease.unmarked_index
        return unless index && unmarked

        message = messages[index]
        message if message && message.offset >= @lease.offset(unmarked)
      end

      # It names its message, so it does not matter whether `consume` met it or a `wrap` before that.
      # @return [Messages::Message, nil] the message of a {Errors::DeserializationError}; nil: it is not of this batch
      def undecodable
        messages.to_a.find do |message|
          message.of?(@lease) && message.offset == @error.offset && @error.partition == message.partition && @error.topic == message.topic
        end
      end

      private

      def messages
        @assignment.consumer.messages
      end
    end
  end
end

# frozen_string_literal: true

module Karafka
  module Consumers
    # What a filter of your own can inherit from, for the answers that it does not give itself. Any object with `apply!` will do; each
    # partition has its own, while it is assigned.
    #
    # @example
    #   class Weekdays < Karafka::Consumers::Filter
    #     def apply!(messages)
    #       @applied = !messages.reject! { |message| message.timestamp.sunday? }.nil?
    #     end
    #   end
    class Filter
      # What can be done about the partition once the batch is processed.
      ACTIONS = %i[skip pause seek].freeze

      # @return [Messages::Message, Messages::Seek, nil] where the partition goes on after :pause and :seek; also what
      #   {#mark_as_consumed?} is about
      attr_reader :cursor

      def initialize
        @applied = false
        @cursor = nil
      end

      # Takes out of a batch what the consumer is not to have. What is taken out counts as processed, unless a pause or a seek lets it
      # come again.
      # @param _messages [Array<Messages::Message>] to be changed in place, as with `delete_if`
      # @return [void]
      def apply!(_messages)
        raise NotImplementedError, "#{self.class} needs a method apply!(messages), which takes messages out of the Array"
      end

      # @return [Boolean] whether the last {#apply!} has taken something out, or wants an {#action}
      def applied? = @applied

      # @return [:skip, :pause, :seek] what follows: nothing, a pause at {#cursor} for {#timeout}, or reading on at {#cursor}
      def action = :skip

      # @return [Integer, nil] ms of a pause; nil: the topic's `pause_timeout`
      def timeout = nil

      # @return [Boolean] whether {#marking_cursor} is to be marked, for topics with manual offset management
      def mark_as_consumed? = false

      # @return [:mark_as_consumed, :mark_as_consumed!]
      def marking_method = :mark_as_consumed

      # @return [Messages::Message, nil]
      def marking_cursor = cursor
    end
  end
end

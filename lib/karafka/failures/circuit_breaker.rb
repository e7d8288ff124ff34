# frozen_string_literal: true

require "set"

module Karafka
  module Failures
    # `stop_after`: counts what goes to the dead letter queue of one partition. A bad deploy must not drain the topic.
    # With `parallel` all consumers of the partition share one, in whatever order they come.
    class CircuitBreaker
      # The ratio is that of dead letters among this number of offsets.
      WINDOW = 1_000

      # @param limits [Hash{Symbol=>Numeric}, nil] consecutive, ratio
      def initialize(limits)
        @consecutive = limits && limits[:consecutive]
        @most = (limits[:ratio] * WINDOW).floor if limits && limits[:ratio]
        @lock = Mutex.new
        clear
      end

      # @param offset [Integer] of the message that would be the next dead letter
      # @param first [Boolean] whether nothing of its batch was processed before it
      # @return [Boolean] whether it is one too many; else it is counted
      def exceeded?(offset, first: true)
        @lock.synchronize do
          @row = 0 unless first
          @dead.delete_if { |known| (offset - known).abs >= WINDOW }
          next true if row_full? || window_full?

          @row += 1
          @dead << offset if @most
          false
        end
      end

      # It could not be sent, so it is none.
      # @param offset [Integer]
      # @return [void]
      def stayed(offset)
        @lock.synchronize do
          @row -= 1 if @row.positive?
          @dead.delete(offset)
        end
      end

      # @return [void]
      def succeeded
        @lock.synchronize { @row = 0 }
      end

      # @return [void]
      def reset
        @lock.synchronize { clear }
      end

      # @param topic [Routing::Topic]
      # @param partition [Integer]
      # @param offset [Integer]
      # @param queue [Routing::DeadLetterQueue]
      # @return [String] what happened and what to do, for the log
      def explain(topic, partition, offset, queue)
        count = row_full? ? "#{@row} messages in a row" : "#{@dead.size} of the last #{WINDOW} messages"
        fate = queue.topic ? "went to #{queue.topic}" : "were skipped"
        "#{topic.name}/#{partition} is paused at offset #{offset}: #{count} failed and #{fate}, which is the limit of stop_after. " \
          "Nothing is lost; the partition waits. Look at the errors above: after a bad deploy, deploy the fix; a restart goes on with " \
          "this message. If these messages are to go there, call `resume` of the consumer (event[:caller] of " \
          "dead_letter_queue.stopped), or raise the limit and restart."
      end

      private

      def clear
        @row = 0
        @dead = Set.new
      end

      def row_full?
        @consecutive && @row >= @consecutive
      end

      def window_full?
        @most && @dead.size >= [@most, 1].max
      end
    end
  end
end

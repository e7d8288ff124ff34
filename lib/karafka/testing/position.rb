# frozen_string_literal: true

module Karafka
  module Testing
    # Where a partition is, by the engine's rules: what is marked, what comes next, how often it was tried.
    class Position
      # @return [Integer]
      attr_accessor :attempt
      # @return [Boolean] whether the partition belongs to another process
      attr_accessor :lost
      # @return [Array<Integer>] offsets that were marked, in order
      attr_reader :marked
      # @return [Integer, nil] first unmarked offset; nil: nothing was marked yet
      attr_reader :unmarked
      # @return [Integer, nil] where reading goes on; nil: at the first message
      attr_reader :cursor
      # @return [Integer, nil] ms until it goes on, -1: when it is resumed; nil: at once
      attr_accessor :pause
      # @return [Integer, Symbol, nil] where a seek goes once the batch is done
      attr_reader :sought
      # @return [String, nil] what is committed beside the offset
      attr_accessor :metadata

      # @param topic [Routing::Topic, nil] for its pauses and its dead letter queue
      def initialize(topic = nil)
        @topic = topic
        @marked = []
        @lost = false
        reset(nil)
      end

      # As after a seek of somebody else's: marks are forgotten.
      # @param offset [Integer, nil]
      # @return [void]
      def reset(offset)
        @cursor = @unmarked = offset
        @attempt = 1
        @failed_at = @alone_until = -1
        @skipped_offsets = {}
        @sought = @pause = nil
      end

      # @return [Integer] where a retry would begin
      def seek_offset
        first_unmarked || (@sought if @sought.is_a?(Integer)) || @cursor || 0
      end

      # @param messages [Array<Messages::Message>] by offset
      # @param most [Integer]
      # @return [Array<Messages::Message>] of the next batch
      def next_batch(messages, most)
        apply_seek(messages)
        rest = messages.select { |message| (@cursor.nil? || message.offset >= @cursor) && !@skipped_offsets.key?(message.offset) }
        return [] if rest.empty?

        first = rest.first.offset
        return rest.first(1) if first <= @alone_until

        barrier = @skipped_offsets.keys.select { |offset| offset > first }.min
        rest.take_while { |message| barrier.nil? || message.offset < barrier }.first(most)
      end

      # @param attempt [Integer] when the batch was given out
      # @return [Integer] 1 again where each message counts by itself and one was marked since
      def attempt_of(attempt)
        passed = attempt > 1 && @topic&.dead_letter_queue&.independent? && (@unmarked || -1) > @failed_at
        passed ? 1 : attempt
      end

      # @param offset [Integer] it and all before are processed
      # @return [void]
      def mark(offset)
        @marked << offset
        @unmarked = [@unmarked || 0, offset + 1].max
        @skipped_offsets.delete_if { |known, _| known < @unmarked }
      end

      # By the consumer itself, which may go back.
      # @param offset [Integer]
      # @return [void]
      def mark_exactly(offset)
        @marked << offset
        @unmarked = offset + 1
      end

      # @param offset [Integer]
      # @return [Boolean] whether marking it goes back
      def back?(offset) = !@unmarked.nil? && offset < @unmarked - 1

      # @param target [Integer, :earliest, :latest]
      # @param forgets [Boolean]
      # @return [void]
      def seek(target, forgets)
        @sought = target
        @unmarked = nil if forgets
      end

      # The batch is done.
      # @param lease [Lease]
      # @param mark_all [Boolean]
      # @return [void]
      def finish(lease, mark_all)
        @attempt = 1
        mark(lease.offsets.last) if mark_all && @sought.nil? && lease.size.positive?
        @cursor = lease.offsets.last + 1 if lease.size.positive?
      end

      # The batch comes again, from its first unmarked message.
      # @param lease [Lease]
      # @param delay [Integer, nil] ms; nil: the back-off; below 0: until it is resumed
      # @param alone [Boolean]
      # @return [Integer] ms
      def retry(lease, delay, alone)
        attempt = lease.attempt
        @alone_until = lease.offsets.last || -1 if alone
        rewind(lease)
        @attempt = attempt + 1
        @failed_at = first_unmarked || -1
        @pause = delay if delay && !delay.zero?
        delay || backoff(attempt)
      end

      # The batch comes again, and that was no attempt.
      # @param lease [Lease]
      # @param times [Integer] how many times in a row
      # @return [Integer] ms
      def untried(lease, times)
        attempt = lease.attempt
        rewind(lease)
        @attempt = attempt
        backoff(times)
      end

      # The message leaves its partition; the others go on at once.
      # @param lease [Lease]
      # @param offset [Integer]
      # @param marks [Boolean]
      # @return [void]
      def skip_message(lease, offset, marks)
        first = unmarked_index(lease)
        if marks && first && lease.offset(first) == offset
          mark(offset)
        else
          @skipped_offsets[offset] = marks
        end
        rewind(lease)
        @attempt = 1
        @failed_at = -1
      end

      # @param lease [Lease]
      # @return [Integer, nil] which message of the batch is the first that is not marked
      def unmarked_index(lease)
        first = lease.offsets.first
        unmarked = first_unmarked || (first unless @sought)
        return if first.nil? || unmarked.nil? || earlier?(unmarked, lease)

        index = lease.offsets.count { |offset| offset < unmarked }
        index if index < lease.size
      end

      # @param attempt [Integer]
      # @return [Integer] ms
      def backoff(attempt)
        return 1_000 unless @topic

        factor = @topic.pause_with_exponential_backoff ? 2**[attempt - 1, 30].min : 1
        [@topic.pause_timeout * factor, @topic.pause_max_timeout].min
      end

      private

      def first_unmarked
        offset = @unmarked or return
        offset += 1 while @skipped_offsets.key?(offset)
        offset
      end

      # Between two batches offsets may be missing.
      def earlier?(offset, lease)
        offset < lease.offsets.first && offset < lease.follows
      end

      def rewind(lease)
        first = lease.offsets.first
        return if first.nil? || (@unmarked.nil? && @sought)

        @sought = nil
        @cursor = first_unmarked || lease.offsets.find { |offset| !@skipped_offsets.key?(offset) } || (lease.offsets.last + 1)
      end

      def apply_seek(messages)
        return unless @sought

        @cursor = case @sought
                  when :earliest then messages.first&.offset || 0
                  when :latest then messages.empty? ? 0 : messages.last.offset + 1
                  else @sought
                  end
        @skipped_offsets.clear
        @alone_until = -1
        @sought = nil
      end
    end
  end
end

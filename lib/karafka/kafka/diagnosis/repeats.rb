# frozen_string_literal: true

module Karafka
  class Diagnosis
    # Says when something that is repeated is due again: at once, then at growing intervals. Without a lock: a trap may ask, and
    # two threads at once cost a line too many at most.
    class Repeats
      # Seconds between two reports of the same: 10, then doubling up to the last.
      FIRST_PAUSE = 10
      LONGEST_PAUSE = 300
      # More different ones than this are not kept: the texts hold something that always changes.
      MOST = 1_000
      private_constant :FIRST_PAUSE, :LONGEST_PAUSE, :MOST

      # What was logged about one.
      Entry = Struct.new(:next_at, :pause, :silent, :seen_at)
      private_constant :Entry

      # @param clock [#call] seconds that only grow
      def initialize(clock = Clock.method(:now))
        @clock = clock
        @entries = {}
      end

      # @param key [Object] what is repeated
      # @return [Integer, nil] how many were kept silent since the last time; nil: be silent once more
      def due(key)
        now = @clock.call
        @entries.clear if @entries.size > MOST
        entry = (@entries[key] ||= Entry.new(now, FIRST_PAUSE, 0, now))
        # It was over for a while.
        entry.pause = FIRST_PAUSE if now - entry.seen_at > LONGEST_PAUSE
        entry.seen_at = now
        return (entry.silent += 1) && nil if now < entry.next_at

        silent = entry.silent
        entry.silent = 0
        entry.next_at = now + entry.pause
        entry.pause = [entry.pause * 2, LONGEST_PAUSE].min
        silent
      end

      # What comes next is news again.
      # @return [void]
      def clear
        @entries.clear
      end

      # @return [String] for the end of a text
      def self.count(silent)
        silent.positive? ? " (#{silent} more since the last report)" : ""
      end
    end
  end
end

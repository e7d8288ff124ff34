# frozen_string_literal: true

module Karafka
  module Instrumentation
    # Keeps the log short under load: the first batch of a topic has lines of its own, further ones within the interval go into one
    # line at its end. Where batches keep coming there is that line only.
    # @api private
    class BatchSummaries
      # What came in one interval, of one kind of call of one topic.
      Window = Struct.new(:began_at, :busy, :lines, :batches, :messages, :finished, :failed, :total_ms, :longest_ms, :partitions) do
        def self.open(now, busy)
          new(now, busy, [], 0, 0, 0, 0, 0.0, 0.0, {})
        end

        # @return [Boolean]
        def empty?
          (batches + finished + failed).zero?
        end
      end
      NOTHING = [].freeze
      private_constant :Window, :NOTHING

      # @param interval_ms [Integer, false] false: each batch has its lines
      # @param clock [#call] seconds that only grow
      def initialize(interval_ms, clock: Clock.method(:now))
        @interval = interval_ms && (interval_ms / 1_000.0)
        @clock = clock
        @mutex = Mutex.new
        @windows = {}
      end

      # @param group [String] id of the subscription group
      # @param topic [String]
      # @param partition [Integer]
      # @param messages [Integer]
      # @return [Boolean] whether this batch has a line of its own
      def received(group, topic, partition, messages)
        note([group, topic, :consume], :received, partition) do |window|
          window.batches += 1
          window.messages += messages
        end
      end

      # @param group [String] id of the subscription group
      # @param job [Worker::Job]
      # @param time_ms [Numeric]
      # @return [Boolean] whether this call has a line of its own
      def processed(group, job, time_ms)
        note([group, job.topic, job.kind], :processed, job.partition) do |window|
          job.failed ? window.failed += 1 : window.finished += 1
          window.total_ms += time_ms
          window.longest_ms = [window.longest_ms, time_ms].max
        end
      end

      # @return [Array<LogLine>] of intervals that are over
      def due
        return NOTHING unless @next_at && @clock.call >= @next_at

        take { |window, now| now - window.began_at >= @interval }
      end

      # @return [Array<LogLine>] of all that has no line yet: nothing more comes
      def rest
        take { true }
      end

      private

      def note(key, step, partition)
        return true unless @interval

        @mutex.synchronize do
          window = @windows[key] ||= opened
          next !window.lines.push(step).nil? unless window.busy || window.lines.include?(step)

          window.partitions[partition] = true
          yield window
          false
        end
      end

      def opened
        window = Window.open(@clock.call, false)
        @next_at ||= window.began_at + @interval
        window
      end

      def take
        @mutex.synchronize do
          now = @clock.call
          over = @windows.select { |_, window| yield window, now }
          lines = over.filter_map do |key, window|
            next @windows.delete(key) && nil if window.empty?

            @windows[key] = Window.open(now, true)
            line(*key, window, now - window.began_at)
          end
          @next_at = @windows.each_value.map(&:began_at).min&.+(@interval)
          lines
        end
      end

      def line(group, topic, kind, window, seconds)
        parts = [got(window), finished(kind, window), ("#{window.failed} failed" if window.failed.positive?)].compact
        LogLine.new(
          "[#{group}] #{topic} in #{seconds.round(1)} s: #{parts.join("; ")}",
          group: group, topic: topic, kind: kind.to_s, interval_ms: (seconds * 1_000).round, partitions: window.partitions.size,
          batches: window.batches, messages: window.messages, finished: window.finished, failed: window.failed,
          average_ms: average(window), longest_ms: window.longest_ms
        )
      end

      def got(window)
        return unless window.batches.positive?

        "got #{count(window.messages, "message")} in #{count(window.batches, "batch", "batches")} of " \
          "#{count(window.partitions.size, "partition")}"
      end

      def finished(kind, window)
        return unless window.finished.positive?

        "#{kind} finished #{count(window.finished, "time")}, in #{average(window).round(2)} ms on average, " \
          "#{window.longest_ms.round(2)} ms at most"
      end

      def average(window)
        calls = window.finished + window.failed
        calls.zero? ? 0.0 : window.total_ms / calls
      end

      def count(number, one, many = "#{one}s")
        "#{number} #{number == 1 ? one : many}"
      end
    end
  end
end

# frozen_string_literal: true

module Karafka
  module Instrumentation
    # Keeps the log short under load: the first batch of a topic has lines of its own, further ones within the interval go into one
    # line at its end. Where batches keep coming there is that line only.
    # @api private
    class BatchSummaries
      # What came in one interval, of one kind of call of one topic.
      Window = Struct.new(:group, :topic, :kind, :began_at, :busy, :lines, :batches, :messages, :finished, :failed, :total_ms, :longest_ms,
                          :partitions) do
        # @param now [Float] seconds
        # @param busy [Boolean] whether there was one before it
        # @return [self]
        def open(now, busy)
          self.began_at = now
          self.busy = busy
          self.lines = []
          self.batches = self.messages = self.finished = self.failed = 0
          self.total_ms = self.longest_ms = 0.0
          self.partitions = {}
          self
        end

        # @param step [Symbol]
        # @return [Boolean] whether this one has a line of its own, so that the window does not count it
        def own_line?(step)
          return false if busy || lines.include?(step)

          lines << step
          true
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
        return true unless @interval

        @mutex.synchronize do
          window = window(group, topic, :consume)
          next true if window.own_line?(:received)

          window.partitions[partition] = true
          window.batches += 1
          window.messages += messages
          false
        end
      end

      # @param group [String] id of the subscription group
      # @param job [Worker::Job]
      # @param time_ms [Numeric]
      # @return [Boolean] whether this call has a line of its own
      def processed(group, job, time_ms)
        return true unless @interval

        @mutex.synchronize do
          window = window(group, job.topic, job.kind)
          next true if window.own_line?(:processed)

          window.partitions[job.partition] = true
          job.failed ? window.failed += 1 : window.finished += 1
          window.total_ms += time_ms
          window.longest_ms = time_ms if time_ms > window.longest_ms
          false
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

      # Looked up for each batch: three Strings and Symbols cost a quarter of an Array of them.
      def window(group, topic, kind)
        ((@windows[kind] ||= {})[group] ||= {})[topic] ||= begin
          window = Window.new(group, topic, kind).open(@clock.call, false)
          @next_at ||= window.began_at + @interval
          window
        end
      end

      def take
        @mutex.synchronize do
          now = @clock.call
          lines = windows.select { |window| yield window, now }.filter_map { |window| close(window, now) }
          @next_at = windows.map(&:began_at).min&.+(@interval)
          lines
        end
      end

      def windows
        @windows.each_value.flat_map { |groups| groups.each_value.flat_map(&:values) }
      end

      # @return [LogLine, nil] nil: nothing came, and the next batch has lines of its own again
      def close(window, now)
        return @windows[window.kind][window.group].delete(window.topic) && nil if window.empty?

        line = line(window, now - window.began_at)
        window.open(now, true)
        line
      end

      def line(window, seconds)
        parts = [got(window), finished(window), ("#{window.failed} failed" if window.failed.positive?)].compact
        LogLine.new(
          "[#{window.group}] #{window.topic} in #{seconds.round(1)} s: #{parts.join("; ")}",
          group: window.group, topic: window.topic, kind: window.kind.to_s, interval_ms: (seconds * 1_000).round,
          partitions: window.partitions.size, batches: window.batches, messages: window.messages, finished: window.finished,
          failed: window.failed, average_ms: average(window), longest_ms: window.longest_ms
        )
      end

      def got(window)
        return unless window.batches.positive?

        "got #{count(window.messages, "message")} in #{count(window.batches, "batch", "batches")} of " \
          "#{count(window.partitions.size, "partition")}"
      end

      def finished(window)
        return unless window.finished.positive?

        "#{window.kind} finished #{count(window.finished, "time")}, in #{average(window).round(2)} ms on average, " \
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

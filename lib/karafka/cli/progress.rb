# frozen_string_literal: true

module Karafka
  module Cli
    # A line on a terminal that says how far something is, once it takes over a second. Nothing where the output is a file or a pipe.
    class Progress
      FIRST_MS = 1_000
      EACH_MS = 200
      private_constant :FIRST_MS, :EACH_MS

      # @param out [IO]
      # @param what [String] what is counted
      # @param total [Integer, nil] nil: not known
      def initialize(out, what, total: nil)
        @out = out
        @what = what
        @total = total
        @started_ms = Clock.now_ms
        @next_ms = @started_ms + FIRST_MS
        @shown = false
      end

      # @param count [Integer]
      # @return [void]
      def at(count)
        return unless @out.tty?

        now = Clock.now_ms
        return if now < @next_ms

        @next_ms = now + EACH_MS
        @shown = true
        @out.print("\r\e[K#{line(count, now)}")
      end

      # @param count [Integer]
      # @return [void]
      def finish(count)
        @out.puts("\r\e[K#{line(count, Clock.now_ms)}") if @shown
      end

      private

      def line(count, now)
        seconds = (now - @started_ms) / 1_000.0
        rate = count / [seconds, 0.001].max
        text = "#{count}#{" of #{@total}" if @total} #{@what}, #{rate.round} a second"
        return text unless @total&.positive?

        left = rate.zero? ? nil : ((@total - count) / rate).ceil
        "[#{bar(count)}] #{text}#{", #{left} s left" if left&.positive?}"
      end

      def bar(count)
        filled = [(20 * count / @total.to_f).floor, 20].min
        "#{"=" * filled}#{" " * (20 - filled)}"
      end
    end
  end
end

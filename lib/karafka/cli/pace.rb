# frozen_string_literal: true

module Karafka
  module Cli
    # `--rate`: the most messages a second, counted from the first one.
    class Pace
      # @param per_second [Numeric, nil] nil: no limit
      # @raise [Errors::CommandError]
      def initialize(per_second)
        raise Errors::CommandError, "--rate is #{per_second}, but must be a number above 0" if per_second && !per_second.positive?

        @per_second = per_second
        @count = 0
      end

      # @param most [Integer]
      # @return [Integer] how many messages to send at once, so that none waits for over a second
      def batch(most) = @per_second ? @per_second.to_i.clamp(1, most) : most

      # Sleeps until this many more may have gone out.
      # @param count [Integer]
      # @return [void]
      def wait(count)
        return unless @per_second

        @started_ms ||= Clock.now_ms
        @count += count
        ahead_ms = (@count * 1_000.0 / @per_second) - (Clock.now_ms - @started_ms)
        sleep(ahead_ms / 1_000) if ahead_ms.positive?
      end
    end
  end
end

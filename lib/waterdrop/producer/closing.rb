# frozen_string_literal: true

module WaterDrop
  class Producer
    # The end of a producer.
    module Closing
      # Seconds on top of max_wait_timeout after which a trap does not wait any longer.
      TRAP_GRACE = 6
      # Thirty years.
      AGES_MS = 10**12
      private_constant :TRAP_GRACE, :AGES_MS

      # Sends the buffer and waits for all answers, up to max_wait_timeout. What has none by then is given up: its handles
      # say so, and the result counts it. Can be called from a trap, from at_exit and more than once.
      # @param max_wait_timeout_ms [Numeric, nil] nil: the producer's max_wait_timeout; 0: gives up at once; -1: forever
      # @param force [Boolean] WaterDrop's: it waits forever without. Here the time limit always holds
      # @return [Integer] messages that were not delivered
      # @raise [ArgumentError] nothing can wait so long
      def close(max_wait_timeout_ms = nil, force: true) # rubocop:disable Lint/UnusedMethodArgument
        WaitTime.check!(max_wait_timeout_ms)
        max_wait_timeout_ms = AGES_MS if max_wait_timeout_ms == WaitTime::FOREVER
        close_within(max_wait_timeout_ms || @config&.max_wait_timeout || 0)
      end
      # WaterDrop's name of `close(force: true)`.
      alias close! close

      # For the end of the process: sends what it can, says what it cannot, and closes nothing.
      # @api private
      # @param timeout_ms [Numeric]
      # @return [void]
      def flush_at_exit(timeout_ms)
        return if @pid != ::Process.pid || @state != :connected

        deadline = Karafka::Clock.now_ms + [timeout_ms, @config.max_wait_timeout].min
        # Whatever that meets: what librdkafka has, and other producers have, is still to be sent.
        Guard.call(@config, "a subscriber of a flush") { flush_by_itself } unless @messages.empty?
        [self, *own_lanes].each { |lane| lane.flush_client(deadline) }
        report_lost(queue_size + @messages.size)
      end

      protected

      def flush_client(deadline)
        @client.flush([deadline - Karafka::Clock.now_ms, 0].max) if @pid == ::Process.pid && @state == :connected
      end

      private

      # The end of a process flushes twice, see {OpenProducers}: only messages that came in between are reported again.
      def report_lost(lost)
        return unless lost > (@lost_at_exit || 0)

        @lost_at_exit = lost
        @config.logger.error("[#{id}] the process ends, and #{Karafka::Amount.past(lost, "message")} not delivered")
      end

      def close_within(timeout_ms)
        return close_from_trap(timeout_ms) if Karafka::TrapContext.inside?
        # Whoever closes already waits for this subscriber to return.
        return 0 if @lifecycle.locked? && @client.respond_to?(:inside?) && @client.inside?

        @lifecycle.synchronize { close_once(timeout_ms) }
      end

      # A trap may take no lock, so another thread does it. What the trap has interrupted may hold one of ours: then
      # waiting for that thread would never end, and the close finishes when the trap has returned.
      def close_from_trap(timeout_ms)
        interrupted = [@lifecycle, @buffer_lock, @lanes_lock].any?(&:owned?)
        closer = Thread.new { @lifecycle.synchronize { close_once(timeout_ms) } }
        return 0 if interrupted

        closer.join((timeout_ms / 1_000.0) + TRAP_GRACE) ? closer.value : queue_size
      end

      def close_once(timeout_ms)
        return 0 if %i[initial closed].include?(@state)
        return forget if @pid != ::Process.pid

        started = Karafka::Clock.now_ms
        say("producer.closing")
        deadline = started + timeout_ms
        undelivered = flush_for_close(deadline)
        @state = :closing
        undelivered += close_client(deadline) + close_lanes(deadline)
        @state = :closed
        # What did not get out, or came in meanwhile.
        undelivered += take_buffer.size
        say("producer.closed", undelivered: undelivered, time: Karafka::Clock.now_ms - started)
        undelivered
      end

      # A subscriber that raises must not keep it open.
      def say(event, **details)
        Guard.call(@config, "a subscriber of #{event}") { @monitor.instrument(event, { producer_id: id, **details }) }
      end

      def close_client(deadline)
        @client.close([deadline - Karafka::Clock.now_ms, 0].max)
      end

      # A child that never used the producer has nothing to close.
      def forget
        empty_buffer
        @state = :closed
        0
      end
    end
  end
end

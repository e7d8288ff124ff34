# frozen_string_literal: true

module WaterDrop
  class Producer
    # The end of a producer.
    module Closing
      # Seconds on top of max_wait_timeout after which a trap does not wait any longer.
      TRAP_GRACE = 6
      private_constant :TRAP_GRACE

      # Sends the buffer and waits for all answers, up to max_wait_timeout. What has none by then is given up: its handles
      # say so, and the result counts it. Can be called from a trap, from at_exit and more than once.
      # @return [Integer] messages that were not delivered
      def close
        close_within(@config ? @config.max_wait_timeout : 0)
      end

      # Gives up at once what has no answer.
      # @return [Integer] messages that were not delivered
      def close!
        close_within(0)
      end

      # For the end of the process: sends what it can, says what it cannot, and closes nothing.
      # @api private
      # @param timeout_ms [Numeric]
      # @return [void]
      def flush_at_exit(timeout_ms)
        return if @pid != ::Process.pid || @state != :connected

        deadline = Karafka::Clock.now_ms + [timeout_ms, @config.max_wait_timeout].min
        flush_by_itself unless @messages.empty?
        [self, *own_lanes].each { |lane| lane.flush_client(deadline) }
        lost = queue_size + @messages.size
        @config.logger.error("[#{id}] the process ends, and #{lost} messages were not delivered") if lost.positive?
      end

      protected

      def flush_client(deadline)
        @client.flush([deadline - Karafka::Clock.now_ms, 0].max) if @pid == ::Process.pid && @state == :connected
      end

      private

      def close_within(timeout_ms)
        return close_from_trap(timeout_ms) if trap_context?
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

      def trap_context?
        Mutex.new.synchronize { false }
      rescue ThreadError
        true
      end
    end
  end
end

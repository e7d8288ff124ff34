# frozen_string_literal: true

module WaterDrop
  class Client
    # The thread that takes a producer's events. It keeps neither the client nor the producer: a subscriber's block mostly
    # refers to the producer, so that would never be collected. Where somebody's block ends the thread (Thread.exit), another
    # one goes on with what is left.
    class EventLoop
      # After this long without an event the producer goes dormant, ms.
      QUIET_MS = 1_000
      # How long it sleeps then, ms. A message wakes it, and a close.
      DORMANT_MS = 60_000
      private_constant :QUIET_MS, :DORMANT_MS

      # @param client [Client]
      # @param config [Config]
      def initialize(client, config)
        @serial = client.native.serial
        @source = client.native.event_source
        @config_id = config.id
        @logger = config.logger
        @pending = []
        @lost = 0
        # A block would keep what is around it: the client.
        @lasting = Karafka::LastingThread.new("waterdrop.events", replaced: method(:replaced), &method(:run)).start
      end

      # @return [Boolean] whether a subscriber or an on_delivery block asks
      def inside?
        @lasting.inside? || @statistics&.inside? || false
      end

      # From the first statistics on that somebody has subscribed to.
      # @return [void]
      def take_statistics
        return if @statistics

        @statistics = StatisticsLoop.new(@serial, @source, @config_id, @logger)
      end

      # @param seconds [Numeric]
      # @return [Boolean] false: it goes on still
      def join(seconds)
        deadline = Karafka::Clock.now + seconds
        return false unless @lasting.join(seconds)

        @statistics&.join(deadline)
        true
      end

      private

      def run
        turn until ended?
        report_lost
      end

      def replaced(error)
        reason = Karafka::LastingThread.reason(error)
        @logger.warn("[#{@config_id}] a subscriber or on_delivery block has ended the event thread#{reason}; another one goes on")
      end

      def ended?
        @over == true
      end

      # @return [Array<Hash>]
      def take
        started = Karafka::Clock.now
        events = @source.take(@dormant ? DORMANT_MS : QUIET_MS)
        @over = events.nil?
        @quiet = events&.empty? && (Karafka::Clock.now - started) * 1_000 >= QUIET_MS
        events || []
      rescue Karafka::Errors::BaseError => e
        @logger.error("[#{@config_id}] events are no longer delivered: #{e.message}")
        @over = true
        []
      end

      def turn
        Karafka::LastingThread.keep(@pending) { take } if @pending.empty?
        pass_on
        Fiber.new { client&.look }.resume
        # On a stack of its own: what that leaves behind would keep the client for as long as this thread sleeps.
        @dormant = (@quiet || @over) && Fiber.new { go_dormant }.resume
      end

      def client
        DeliveryHandle::Single.client_of(@serial)
      end

      # @return [Boolean] whether nothing is under way
      def go_dormant
        client = self.client or return true
        OpenProducers.release(client) if @over
        @over || client.go_dormant
      end

      # Reports stay until all of them are passed on; anything else is tried once.
      def pass_on
        return if @pending.empty?

        client = self.client
        until @pending.empty?
          event = @pending.first
          @pending.shift unless event[:reports]
          client ? client.handle(event) : count_lost(event)
          @pending.shift if event[:reports]
        end
      end

      # Of a producer that was collected.
      def count_lost(event)
        reports = event[:reports] or return
        while (rows = reports.rows(1))
          @lost += 1 if rows.one?
          nil while reports.next
        end
      end

      def report_lost
        return if @lost.zero?

        lost = @lost
        @lost = 0
        @logger.error("[#{@config_id}] was dropped without a close, and #{Karafka::Amount.past(lost, "message")} not delivered")
      end
    end
    private_constant :EventLoop
  end
end

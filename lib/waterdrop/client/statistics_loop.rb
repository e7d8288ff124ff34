# frozen_string_literal: true

module WaterDrop
  class Client
    # The thread that tells the subscribers of `statistics.emitted`: one that is slow gets the newest the next time, and holds up
    # nothing else. As the {EventLoop} it keeps neither the client nor the producer.
    class StatisticsLoop
      # A close wakes it.
      PATIENCE_MS = 60_000
      # Seconds for which a close waits for a subscriber.
      CLOSE_PATIENCE = 1
      private_constant :PATIENCE_MS, :CLOSE_PATIENCE

      # @param serial [Integer] of the native producer
      # @param source [Karafka::Native::ProducerEvents]
      # @param config_id [String]
      # @param logger [Logger]
      def initialize(serial, source, config_id, logger)
        @serial = serial
        @source = source
        @config_id = config_id
        @logger = logger
        @lasting = Karafka::LastingThread.new("waterdrop.statistics", replaced: method(:replaced)) { run }.start
      end

      # @return [Boolean] whether a subscriber asks
      def inside?
        @lasting.inside?
      end

      # @param deadline [Float]
      # @return [void]
      def join(deadline)
        return if inside?

        left = [deadline - Karafka::Clock.now, 0].max
        @lasting.join([left, CLOSE_PATIENCE].min)
      end

      private

      def run
        # On a stack of its own: what a call has left behind on ours would keep the client for as long as this thread sleeps.
        while (json = Fiber.new { take }.resume) != false
          DeliveryHandle::Single.client_of(@serial)&.statistics(json) if json
        end
      end

      def replaced(error)
        reason = Karafka::LastingThread.reason(error)
        @logger.warn("[#{@config_id}] a subscriber of statistics.emitted has ended its thread#{reason}; another one goes on")
      end

      def take
        @source.take_statistics(PATIENCE_MS)
      rescue Karafka::Errors::BaseError => e
        @logger.error("[#{@config_id}] statistics are not passed on any more: #{e.message}")
        false
      end
    end
    private_constant :StatisticsLoop
  end
end

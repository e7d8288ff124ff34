# frozen_string_literal: true

module Karafka
  module Routing
    # A rate limit: at most this many messages in any interval, over all partitions and workers of this process. It can be
    # changed while the server runs; that holds at once.
    # @example
    #   topic.throttle.limit = 50
    class Throttle
      # Karafka's, one minute.
      INTERVAL_MS = 60_000
      private_constant :INTERVAL_MS

      # @return [Integer] messages
      attr_reader :limit
      # @return [Integer] ms
      attr_reader :interval

      # @param label [String] what the user calls the place, for messages
      # @param limit [Integer]
      # @param interval [Integer] ms
      # @raise [Errors::InvalidConfigurationError]
      def initialize(label, limit:, interval: INTERVAL_MS)
        @label = "#{label} throttle"
        @lock = Mutex.new
        @on_change = nil
        change(limit: limit, interval: interval)
      end

      # @param limit [Integer]
      # @param interval [Integer] ms
      # @return [self]
      # @raise [Errors::InvalidConfigurationError] nothing is changed
      def change(limit: @limit, interval: @interval)
        limit = Setup::Types::COUNT.check("#{@label} limit", limit)
        interval = Setup::Types::DELAY.check("#{@label} interval", interval)
        @lock.synchronize do
          @limit = limit
          @interval = interval
          @on_change&.call(limit, interval)
        end
        self
      end

      # @param limit [Integer] messages
      # @return [void]
      def limit=(limit)
        change(limit: limit)
      end

      # @param interval [Integer] ms
      # @return [void]
      def interval=(interval)
        change(interval: interval)
      end

      # @param label [String]
      # @return [Throttle] the same numbers for another place
      def for(label)
        self.class.new(label, limit: limit, interval: interval)
      end

      # Hands the numbers to an engine, now and with each change.
      # @yieldparam limit [Integer]
      # @yieldparam interval [Integer]
      # @return [void]
      # @api private
      def attach(&on_change)
        @lock.synchronize { @on_change = on_change }
        change
      end

      # @return [Hash{Symbol=>Integer}]
      def to_h
        { limit: limit, interval: interval }
      end

      # @return [String]
      def inspect
        "#<#{self.class} #{limit} in #{interval} ms>"
      end
    end
  end
end

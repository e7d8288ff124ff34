# frozen_string_literal: true

module WaterDrop
  # What a producer tells about itself.
  module Instrumentation
    # What this version emits, with the keys of the payload (`producer_id` is always there).
    EVENTS = {
      "producer.connected" => [],
      "producer.disconnecting" => [],
      "producer.disconnected" => [],
      "producer.closing" => [],
      "producer.closed" => %i[time undelivered],
      "producer.reload" => %i[error attempt],
      "producer.reloaded" => %i[attempt failed],
      "message.produced_sync" => %i[message time],
      "message.produced_async" => %i[message time],
      "messages.produced_sync" => %i[messages time],
      "messages.produced_async" => %i[messages time],
      "message.buffered" => %i[message buffer],
      "messages.buffered" => %i[messages buffer],
      "buffer.flushed_sync" => %i[messages time],
      "buffer.flushed_async" => %i[messages time],
      "buffer.purged" => %i[messages],
      "messages.dropped" => %i[messages handles],
      "transaction.started" => %i[caller],
      "transaction.committed" => %i[caller],
      "transaction.aborted" => %i[caller],
      "transaction.finished" => %i[caller time],
      "transaction.marked_as_consumed" => %i[caller message],
      "message.acknowledged" => %i[topic partition offset label delivery_report],
      "message.purged" => %i[topic partition offset label delivery_report error],
      "statistics.emitted" => %i[statistics],
      "error.occurred" => %i[error type]
    }.freeze

    # Refused rather than accepted in silence.
    NOT_YET = %w[
      poller.producer_registered poller.producer_unregistered oauthbearer.token_refresh
    ].freeze

    # Where WaterDrop has the list of its events.
    module Notifications
      EVENTS = Instrumentation::EVENTS.keys.freeze
    end

    # Listeners for services of others. None of them is there yet, and naming one says so.
    module Vendors
      # @raise [Karafka::Errors::UnsupportedFeatureError] always
      def self.const_missing(name)
        hint = "Subscribe a listener of your own to producer.monitor meanwhile."
        raise Karafka::Errors::UnsupportedFeatureError.for("#{self}::#{name}", hint)
      end
    end

    # A monitor of a producer: `subscribe`, `unsubscribe`, `instrument`.
    class Monitor < Karafka::Instrumentation::Monitor
      def initialize
        super(Karafka::Instrumentation::Notifications.new(EVENTS.keys, not_yet: NOT_YET))
        @without_statistics = false
      end

      # @param target [String, Symbol, Object] name of an event (with a block), or a listener with `on_…` methods
      # @yieldparam event [Karafka::Instrumentation::Event]
      # @return [void]
      # @raise [Errors::StatisticsNotEnabledError] too late for `statistics.emitted`
      # @raise [Karafka::Errors::EventNotRegisteredError, Karafka::Errors::UnsupportedFeatureError]
      def subscribe(target, &)
        if @without_statistics && (target.to_s == STATISTICS || target.respond_to?(:on_statistics_emitted))
          raise Errors::StatisticsNotEnabledError,
                "the producer was started without statistics: subscribe to #{STATISTICS} before its first message, or set " \
                "\"statistics.interval.ms\" in config.kafka"
        end

        super
      end

      # Asked once, by the client that starts.
      # @api private
      # @return [Symbol] :wanted, or :off for the rest of its life
      def statistics
        wanted = notifications_bus.listening?(STATISTICS)
        @without_statistics = true unless wanted
        wanted ? :wanted : :off
      end

      STATISTICS = "statistics.emitted"
      private_constant :STATISTICS
    end
  end
end

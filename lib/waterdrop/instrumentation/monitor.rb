# frozen_string_literal: true

module WaterDrop
  # What a producer tells about itself.
  module Instrumentation
    # What this version emits, with the keys of the payload (`producer_id` is always there).
    EVENTS = {
      "producer.connected" => [],
      "producer.disconnecting" => [],
      "producer.disconnected" => %i[time],
      "producer.closing" => [],
      "producer.closed" => %i[time undelivered],
      "producer.reload" => %i[error attempt],
      "producer.reloaded" => %i[attempt failed],
      "message.produced_sync" => %i[message time],
      "message.produced_async" => %i[message time],
      "messages.produced_sync" => %i[messages time],
      "messages.produced_async" => %i[messages time],
      "message.buffered" => %i[message buffer time],
      "messages.buffered" => %i[messages buffer time],
      "buffer.flushed_sync" => %i[messages time],
      "buffer.flushed_async" => %i[messages time],
      "buffer.purged" => %i[messages time],
      "messages.dropped" => %i[messages handles],
      "messages.resent" => %i[topic partition messages refused error],
      "transaction.started" => %i[caller time],
      "transaction.committed" => %i[caller time],
      "transaction.aborted" => %i[caller time],
      "transaction.finished" => %i[caller time],
      "transaction.marked_as_consumed" => %i[caller message],
      "message.acknowledged" => %i[topic partition offset label delivery_report],
      "message.purged" => %i[topic partition offset label delivery_report error type],
      "statistics.emitted" => %i[statistics],
      "oauthbearer.token_refresh" => %i[caller bearer],
      "error.occurred" => %i[error type]
    }.freeze

    # Refused rather than accepted in silence.
    NOT_YET = %w[poller.producer_registered poller.producer_unregistered].freeze

    # A bus that knows the events of a producer, for monitors of an application's own.
    class Notifications < Karafka::Instrumentation::Notifications
      EVENTS = Instrumentation::EVENTS.keys.freeze

      # @param events [Array<String>] names that may be used
      def initialize(events = EVENTS)
        super(events, not_yet: NOT_YET)
      end
    end

    # Listeners for services of others.
    module Vendors
      # Metrics for Datadog, or any other agent of StatsD.
      module Datadog
        autoload :MetricsListener, File.expand_path("vendors/datadog/metrics_listener.rb", __dir__)
      end

      # @raise [Karafka::Errors::UnsupportedFeatureError] for all others
      def self.const_missing(name)
        hint = "Subscribe a listener of your own to producer.monitor meanwhile."
        raise Karafka::Errors::UnsupportedFeatureError.for("#{self}::#{name}", hint)
      end
    end

    # A monitor of a producer: `subscribe`, `unsubscribe`, `instrument`.
    class Monitor < Karafka::Instrumentation::Monitor
      # @param notifications_bus [Notifications, Object, nil] where events go, such as ActiveSupport::Notifications; nil: a bus of
      #   its own
      # @param namespace [String, nil] comes before the names of all events on that bus, with a dot
      def initialize(notifications_bus = nil, namespace = nil)
        super(notifications_bus || Notifications.new, namespace)
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
        wanted = listening?(STATISTICS)
        @without_statistics = true unless wanted
        wanted ? :wanted : :off
      end

      STATISTICS = "statistics.emitted"
      private_constant :STATISTICS

      private

      def events
        EVENTS.keys
      end
    end
  end
end

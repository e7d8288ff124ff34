# frozen_string_literal: true

require "forwardable"

module Karafka
  module Instrumentation
    # What `Karafka.monitor` is: subscribe to what happens in the process.
    #
    # @example A block
    #   Karafka.monitor.subscribe("error.occurred") { |event| Sentry.capture_exception(event[:error]) }
    # @example A listener
    #   Karafka.monitor.subscribe(Karafka::Instrumentation::LoggerListener.new)
    class Monitor
      extend Forwardable

      # For monitors of an application's own: `def instrument(name, payload = EMPTY_HASH, &block)`.
      EMPTY_HASH = {}.freeze

      # @return [Notifications]
      attr_reader :notifications_bus

      def_delegators :@notifications_bus, :subscribe, :unsubscribe, :listeners, :available_events, :register_event, :clear

      # @param notifications_bus [Notifications] where events go
      def initialize(notifications_bus = Notifications.new)
        @notifications_bus = notifications_bus
        # A monitor that overrides `instrument` (tracers do) wants to see every event.
        @sees_all = method(:instrument).owner != Monitor
      end

      # @param name [String]
      # @return [Boolean] whether an event of that name would be noticed
      def listening?(name)
        @sees_all || @notifications_bus.listening?(name)
      end

      # @param name [String]
      # @param payload [Hash{Symbol=>Object}]
      # @return [Object, nil] what the block returned
      # @raise [Errors::EventNotRegisteredError]
      def instrument(name, payload = {}, &)
        @notifications_bus.instrument(name, payload, &)
      end
    end
  end
end

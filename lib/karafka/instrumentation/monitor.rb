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

      # @return [Notifications, Object]
      attr_reader :notifications_bus

      class << self
        # @api private
        # @param monitor [Object]
        # @return [Notifications, nil] whose subscribers can have an event without {#instrument}; nil: something is to see it on its way
        def direct_bus(monitor)
          # Not is_a?: what stands in front of a monitor may pass that on.
          case monitor
          when Monitor then monitor.direct_bus
          end
        end
      end

      def_delegators :@notifications_bus, :unsubscribe, :listeners, :available_events, :register_event, :clear

      # @param notifications_bus [Notifications, Object, nil] where events go: something with `instrument` and `subscribe`, such as
      #   ActiveSupport::Notifications; nil: a bus of its own
      # @param namespace [String, nil] comes before the names of all events on that bus, with a dot
      # @example
      #   config.monitor = Karafka::Instrumentation::Monitor.new(ActiveSupport::Notifications, "karafka")
      def initialize(notifications_bus = nil, namespace = nil)
        @notifications_bus = notifications_bus || Notifications.new
        # A monitor that overrides `instrument` (tracers do) wants to see every event.
        @sees_all = method(:instrument).owner != Monitor
        @names = namespace && Hash.new { |names, name| names[name] = "#{namespace}.#{name}" }
        @names && own_bus? && @notifications_bus.available_events.each { |name| @notifications_bus.register_event(@names[name]) }
      end

      # @param name [String]
      # @return [Boolean] whether an event of that name would be noticed
      def listening?(name)
        @sees_all || heard?(@names ? @names[name] : name)
      end

      # @param target [String, Symbol, Object] name of an event (with a block), or a listener with `on_…` methods
      # @yieldparam event [Event] or what another bus gives
      # @return [void]
      # @raise [Errors::EventNotRegisteredError]
      def subscribe(target, &)
        return @notifications_bus.subscribe(target, &) if own_bus? && @names.nil?
        return @notifications_bus.subscribe(on_bus(target), &) if target.is_a?(String) || target.is_a?(Symbol)

        events.each do |name|
          handler = "on_#{name.tr(".", "_")}"
          @notifications_bus.subscribe(on_bus(name)) { |*event| call(target, handler, name, event) } if target.respond_to?(handler)
        end
      end

      # @param name [String]
      # @param payload [Hash{Symbol=>Object}]
      # @return [Object, nil] what the block returned
      # @raise [Errors::EventNotRegisteredError]
      def instrument(name, payload = {}, &)
        @notifications_bus.instrument(@names ? @names[name] : name, payload, &)
      end

      # @api private
      # @return [Notifications, nil] see {.direct_bus}
      def direct_bus
        @notifications_bus if @names.nil? && own_bus? && plain?(self, Monitor, OWN) &&
                              plain?(@notifications_bus, Notifications, Notifications::OWN)
      end

      # What stands between an event and its subscribers, and may be overridden, as by tracers.
      OWN = %i[instrument listening?].map { |name| instance_method(name) }.freeze
      private_constant :OWN

      private

      def plain?(object, klass, methods)
        methods.all? { |own| object.method(own.name).owner == klass && klass.instance_method(own.name) == own }
      end

      def own_bus?
        @notifications_bus.is_a?(Notifications)
      end

      # A bus that cannot say who listens may have somebody who does.
      def heard?(name)
        return @notifications_bus.listening?(name) if @notifications_bus.respond_to?(:listening?)

        notifier = @notifications_bus.notifier if @notifications_bus.respond_to?(:notifier)
        notifier.respond_to?(:listening?) ? notifier.listening?(name) : true
      end

      def on_bus(name)
        @names ? @names[name.to_s] : name.to_s
      end

      # What listeners can have methods for.
      def events
        Events::EMITTED.keys
      end

      # ActiveSupport gives name, start, end, an id, and the payload.
      def call(listener, handler, name, event)
        event = event.last
        event = Event.new(name, event) if event.is_a?(Hash)
        listener.public_send(handler, event)
      end
    end
  end
end

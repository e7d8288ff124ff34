# frozen_string_literal: true

module Karafka
  module Instrumentation
    # The way of a batch's events to the subscribers. There are several events for each batch, so it is short: nothing is made of an
    # event that nobody hears, and the monitor is asked once, with the first event, whether it wants to see them pass.
    # @api private
    class Outlet
      # @param monitor [Monitor, Object]
      def initialize(monitor)
        @monitor = monitor
        @bus = nil
      end

      # @param name [String]
      # @return [Boolean]
      def heard?(name)
        bus ? @bus.listeners.key?(name) : @monitor.listening?(name)
      end

      # A subscriber that raises must not do harm.
      # @param name [String]
      # @param caller [BaseConsumer, Worker]
      # @param job [Worker::Job, nil] nil: the event has none
      # @param time [Float, nil] ms; nil: nothing is measured
      # @return [void]
      def publish(name, caller, job = nil, time = nil)
        give(BatchEvent.new(name, caller, job, time)) if heard?(name)
      end

      # @param event [Event]
      # @return [void]
      def give(event)
        return Safely.instrument(event.id, event.payload) unless bus

        begin
          subscribers = @bus.listeners[event.id]
          Notifications.publish(subscribers, event) if subscribers
        rescue SystemExit, SignalException, NoMemoryError
          raise
        rescue Exception => e # rubocop:disable Lint/RescueException -- of other people's code anything may come
          Safely.complain(event.id, e)
        end
      end

      # Runs the block, and publishes how long it took. What the block raises goes through.
      # @param name [String]
      # @param caller [BaseConsumer]
      # @return [void]
      # @raise [Errors::InvalidConfigurationError] the monitor did not call the block
      def measured(name, caller, &)
        return yield unless heard?(name)
        return Safely.around(name, { caller: caller }, &) unless @bus

        started = Clock.now_ms
        yield
        publish(name, caller, nil, Clock.now_ms - started)
      end

      private

      # Not asked before: a tracer may be put in front of the monitor when the server says that it runs.
      # @return [Notifications, false]
      def bus
        @bus.nil? ? @bus = Monitor.direct_bus(@monitor) || false : @bus
      end
    end
  end
end

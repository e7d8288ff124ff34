# frozen_string_literal: true

# The producer alone has no autoloading.
require_relative "../compat/event_names"

module Karafka
  module Instrumentation
    # A bus of named events. Subscribing copies the list of subscribers, so instrumenting takes no lock.
    class Notifications
      # Names of all events that can be subscribed to.
      EVENTS = Events::EMITTED.keys.freeze
      NOTHING = [].freeze
      EMPTY = {}.freeze
      private_constant :NOTHING, :EMPTY

      class << self
        # Gives an event to each subscriber, also where one of them raises.
        # @api private
        # @param subscribers [Array<#call>]
        # @param event [Event]
        # @return [void]
        # @raise [Exception] the first one that a subscriber has raised; others are logged
        def publish(subscribers, event)
          failures = nil
          subscribers.each do |subscriber|
            subscriber.call(event)
          rescue SystemExit, SignalException, NoMemoryError
            raise
          rescue Exception => e # rubocop:disable Lint/RescueException -- raised again, once the others were told
            # The others hear of it all the same: one of them may be the error tracker.
            (failures ||= []) << e
          end
          raise_first(failures, event) if failures
        end

        private

        def raise_first(failures, event)
          failures.drop(1).each do |failure|
            Karafka.logger.error("a subscriber of #{event.id.inspect} raised #{failure.class}: #{failure.message}")
          end
          raise failures.first
        end
      end

      # @param events [Array<String>] names that may be used
      # @param not_yet [Array<String>] names that are refused as "not supported yet" instead of as unknown
      def initialize(events = Events::EMITTED.keys, not_yet: Events::NOT_YET)
        @mutex = Mutex.new
        @events = events.dup
        @not_yet = not_yet
        @subscribers = {}.freeze
      end

      # @return [Array<String>] known names
      def available_events
        @events.dup
      end

      # Makes a name of the application's own known.
      # @param name [#to_s]
      # @return [void]
      def register_event(name)
        @mutex.synchronize { @events |= [name.to_s.dup.freeze] }
      end

      # @param target [String, Symbol, Object] name of an event (with a block), or a listener with `on_…` methods
      # @yieldparam event [Event]
      # @return [void]
      # @raise [Errors::EventNotRegisteredError] the name is unknown; the message names the nearest
      # @raise [Errors::UnsupportedFeatureError] the event belongs to a feature that is not supported yet
      def subscribe(target, &block)
        if block
          add(target.to_s, block)
        elsif target.is_a?(String) || target.is_a?(Symbol)
          known!(target.to_s)
          raise ArgumentError, "subscribe(#{target.inspect}) needs a block that takes the event"
        else
          subscribe_listener(target)
        end
        nil
      end

      # @param target [Object, Proc] the listener or the block that was subscribed
      # @return [Boolean] whether it was subscribed
      def unsubscribe(target)
        @mutex.synchronize do
          before = @subscribers
          @subscribers = before.transform_values { |list| list.reject { |it| it.equal?(target) || receiver_of(it).equal?(target) }.freeze }
                               .reject { |_, list| list.empty? }.freeze
          before.values.sum(&:size) != @subscribers.values.sum(&:size)
        end
      end

      # @param name [String, nil] forget the subscribers of this event, or of all
      # @return [void]
      # @raise [Errors::EventNotRegisteredError]
      def clear(name = nil)
        known!(name) if name
        @mutex.synchronize { @subscribers = (name ? @subscribers.reject { |key, _| key == name } : {}).freeze }
        nil
      end

      # @return [Hash{String=>Array<#call>}] subscribers by event
      def listeners
        @subscribers
      end

      # @param name [String]
      # @return [Boolean] whether anybody would hear it; the hot path asks this before it builds a payload
      def listening?(name)
        @subscribers.key?(name)
      end

      # Calls the subscribers. With a block, runs it first and adds its duration as `:time` (milliseconds).
      # @param name [String]
      # @param payload [Hash{Symbol=>Object}, Event] an event that is made already: without a block
      # @return [Object, nil] what the block returned
      # @raise [Errors::EventNotRegisteredError]
      def instrument(name, payload = EMPTY, &block)
        subscribers = @subscribers[name] || no_subscribers(name)
        return (yield if block) if subscribers.empty?
        return measured(name, payload, subscribers, &block) if block

        Notifications.publish(subscribers, payload.is_a?(Event) && payload.id == name ? payload : Event.new(name, payload))
        nil
      end

      # See {Monitor.direct_bus}.
      # @api private
      OWN = %i[instrument listening? listeners].map { |name| instance_method(name) }.freeze

      private

      def measured(name, payload, subscribers)
        started = Clock.now_ms
        result = yield
        time = Clock.now_ms - started
        Notifications.publish(subscribers, Event.new(name, payload.merge(time: time)))
        result
      end

      # Of those former events that today's stand for; a producer's monitor has none of them.
      def mapped
        @events.include?("consumer.consumed") ? Compat::EventNames::MAPPED : EMPTY
      end

      def no_subscribers(name)
        known!(name)
        NOTHING
      end

      def add(name, callable)
        wanted = mapped[name]
        return add(Compat::EventNames::FORMER[name], Compat::EventNames::Subscriber.new(callable, wanted)) if wanted

        known!(name)
        @mutex.synchronize { @subscribers = @subscribers.merge(name => [*@subscribers[name], callable].freeze).freeze }
      end

      # Methods of a listener that name no event are its own business, unless they look like a slip of the pen.
      def subscribe_listener(listener)
        by_method = (@events | mapped.keys).to_h { |name| [handler_of(name), name] }
        handlers = listener.methods.map(&:to_s).select { |name| name.start_with?("on_") }
        strays = handlers.reject { |name| by_method.key?(name) }
        (strays - elsewhere(listener, strays)).each { |name| check_stray(listener, name, by_method.keys) }
        found = handlers.select { |name| by_method.key?(name) }
        raise ArgumentError, "#{listener.inspect} has no on_… method, such as on_error_occurred(event)" if found.empty? && handlers.empty?

        found.each { |name| add(by_method[name], listener.method(name)) }
      end

      # One listener may be for both kinds of monitors, and up to Karafka 1.4 there was one monitor for all.
      # @return [Array<String>] methods for events of the other kind
      def elsewhere(listener, handlers)
        others = (Events::EMITTED.keys + WaterDrop::Instrumentation::EVENTS.keys - @events).map { |name| handler_of(name) } & handlers
        if others.any? && Karafka.respond_to?(:logger)
          Karafka.logger.info("#{listener.class}: #{others.join(", ")} come from the other kind of monitor (Karafka.monitor, " \
                              "Karafka.producer.monitor); subscribe it there as well")
        end
        others
      end

      def check_stray(listener, handler, known)
        if @not_yet.any? { |name| handler == handler_of(name) }
          Karafka.logger.warn("#{listener.class}##{handler} will not be called: karafka-rs #{VERSION} does not emit that event yet")
        elsif (former = Compat::EventNames::FORMER.keys.find { |name| handler == handler_of(name) })
          Karafka.logger.warn("#{listener.class}##{handler} will not be called. #{Compat::EventNames.instead(former)}")
        elsif (nearest = Events.nearest(handler, known))
          raise Errors::EventNotRegisteredError,
                "#{listener.class}##{handler} matches no event. Did you mean #{nearest}? Otherwise rename it, so that it does " \
                "not start with on_"
        end
      end

      def former(name)
        Errors::EventNotRegisteredError.new(
          "the event #{name.inspect} of an older Karafka does not exist. #{Compat::EventNames.instead(name)}"
        )
      end

      def handler_of(name)
        "on_#{name.tr(".", "_")}"
      end

      def receiver_of(subscriber)
        case subscriber
        when Method then subscriber.receiver
        when Compat::EventNames::Subscriber then receiver_of(subscriber.target)
        else subscriber
        end
      end

      def known!(name)
        return if @events.include?(name) || mapped.key?(name)
        raise Errors::UnsupportedFeatureError.for("the event #{name.inspect}") if @not_yet.include?(name)
        raise former(name) if Compat::EventNames::FORMER.key?(name)

        nearest = Events.nearest(name.to_s, @events)
        raise Errors::EventNotRegisteredError,
              "there is no event #{name.inspect}.#{" Did you mean #{nearest.inspect}?" if nearest} Register names of " \
              "your own with monitor.notifications_bus.register_event(#{name.inspect}); all are in Karafka.monitor.available_events"
      end
    end
  end
end

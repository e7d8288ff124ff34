# frozen_string_literal: true

begin
  require "active_support"
  require "active_support/notifications"
rescue LoadError
  nil # Nobody can subscribe then.
end

module Phobos
  # Events in ActiveSupport::Notifications, below `phobos.`: `listener.process_message` and others.
  module Instrumentation
    NAMESPACE = "phobos"

    # @param event [String] without the namespace
    # @yieldparam event [ActiveSupport::Notifications::Event]
    # @return [Object] for {unsubscribe}
    # @raise [LoadError] the gem activesupport is missing
    def self.subscribe(event)
      bus.subscribe("#{NAMESPACE}.#{event}") { |*given| yield ::ActiveSupport::Notifications::Event.new(*given) }
    end

    # @param subscriber [Object]
    # @return [void]
    def self.unsubscribe(subscriber)
      bus.unsubscribe(subscriber)
    end

    def self.bus
      return ::ActiveSupport::Notifications if defined?(::ActiveSupport::Notifications)

      raise LoadError, "Phobos::Instrumentation needs the gem activesupport: add `gem \"activesupport\"` to the Gemfile"
    end
    private_class_method :bus

    # @param event [String] without the namespace
    # @param extra [Hash]
    # @yieldparam extra [Hash]
    # @return [Object] what the block returns
    def instrument(event, extra = {}, &block)
      block ||= proc {}
      return block.call(extra) unless defined?(::ActiveSupport::Notifications)

      ::ActiveSupport::Notifications.instrument("#{NAMESPACE}.#{event}", extra) { |payload| block.call(payload) }
    end
  end
end

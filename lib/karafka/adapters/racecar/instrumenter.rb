# frozen_string_literal: true

module Racecar
  # Tells ActiveSupport::Notifications, where an application has it, what happens: `process_message.racecar` and others.
  class Instrumenter
    NAMESPACE = "racecar"

    # @param default_payload [Hash] part of each event
    # @param backend [#instrument, nil] nil: ActiveSupport::Notifications, once that is loaded
    def initialize(default_payload: {}, backend: nil)
      @default_payload = default_payload
      @given = backend
      @names = Hash.new { |names, event| names[event] = "#{event}.#{NAMESPACE}" }
    end

    # @param event [String] without the namespace
    # @return [Boolean] whether somebody would notice
    def listening?(event)
      bus = backend or return false
      notifier = bus.respond_to?(:notifier) ? bus.notifier : bus
      !notifier.respond_to?(:listening?) || notifier.listening?(@names[event])
    end

    # @param event [String] without the namespace
    # @param payload [Hash]
    # @yieldparam payload [Hash] may be changed
    # @return [Object] what the block returns
    def instrument(event, payload = {}, &block)
      bus = backend or return block&.call(payload)

      bus.instrument(@names[event], @default_payload.merge(payload), &(block || proc {}))
    end

    # @return [#instrument, nil]
    def backend
      @given || (::ActiveSupport::Notifications if defined?(::ActiveSupport::Notifications))
    end
  end

  # Tells nobody.
  module NullInstrumenter
    # @return [false]
    def self.listening?(_event) = false

    # @return [Object] what the block returns
    def self.instrument(_event, payload = {})
      yield payload if block_given?
    end
  end
end

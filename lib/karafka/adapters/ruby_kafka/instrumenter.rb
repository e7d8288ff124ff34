# frozen_string_literal: true

module Kafka
  # `*.kafka` events in ActiveSupport::Notifications, where that is loaded; elsewhere nothing is built for them.
  class Instrumenter
    NAMESPACE = "kafka"

    # @param default_payload [Hash{Symbol=>Object}] of each event
    def initialize(default_payload = {})
      @default_payload = default_payload
    end

    # @param event [String] such as "process_message.consumer"
    # @return [Boolean] whether anybody wants to know
    def listening?(event)
      defined?(ActiveSupport::Notifications) ? ActiveSupport::Notifications.notifier.listening?("#{event}.#{NAMESPACE}") : false
    end

    # @param event [String]
    # @param payload [Hash{Symbol=>Object}] the block may add to it
    # @return [Object, nil] what the block gives
    def instrument(event, payload = {}, &)
      return (yield(payload) if block_given?) unless listening?(event)

      ActiveSupport::Notifications.instrument("#{event}.#{NAMESPACE}", @default_payload.merge(payload), &)
    end

    # @return [void] `finish(name, id, payload)` of an object for each event, or a block
    def self.subscribe(...) = ActiveSupport::Notifications.subscribe(...)
  end

  # As {Instrumenter}, with more in each payload.
  class DecoratingInstrumenter < Instrumenter
    # @param backend [Instrumenter]
    # @param extra_payload [Hash{Symbol=>Object}]
    def initialize(backend, extra_payload = {})
      super(extra_payload)
      @backend = backend
    end

    def listening?(event) = @backend.listening?(event)

    def instrument(event, payload = {}, &) = @backend.instrument(event, @default_payload.merge(payload), &)
  end
end

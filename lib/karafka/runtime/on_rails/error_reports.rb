# frozen_string_literal: true

module Karafka
  module OnRails
    # What `error.occurred` says goes to Rails' error reporter as well, where there is one (Rails 7), and so to the error tracker
    # that is subscribed there.
    module ErrorReports
      SOURCE = "karafka"
      private_constant :SOURCE

      class << self
        # From now on.
        # @return [void]
        def follow
          Instrumentation::Safely.reporter = self if ::Rails.respond_to?(:error)
        end

        # @param error [Exception]
        # @param type [String] as in `error.occurred`
        # @param caller [Object]
        # @return [void]
        def call(error, type, caller)
          # Rails 7.0 does not know the source.
          source = sourced? ? { source: SOURCE } : {}
          ::Rails.error.report(error, handled: true, severity: :error, context: { type: type, **place(caller) }, **source)
        end

        private

        def place(consumer)
          return {} unless consumer.is_a?(BaseConsumer)

          { consumer: consumer.class.name, topic: consumer.topic.name, partition: consumer.partition }
        end

        def sourced?
          ::Rails.error.method(:report).parameters.include?(%i[key source])
        end
      end
    end
  end
end

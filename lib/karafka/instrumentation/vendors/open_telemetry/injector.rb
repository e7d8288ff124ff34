# frozen_string_literal: true

module Karafka
  module Instrumentation
    module Vendors
      module OpenTelemetry
        # Middleware of a producer: a span for each message, whose context goes with it in the header `traceparent`. Headers of the
        # message's own stay, and so does a `traceparent` among them.
        class Injector
          # @raise [Errors::InvalidConfigurationError] no SDK is loaded
          def initialize
            @tracer = OpenTelemetry.tracer
          end

          # @param message [Hash{Symbol=>Object}]
          # @return [Hash{Symbol=>Object}] with the headers
          def call(message)
            headers = message[:headers] || {}
            return message if headers.key?("traceparent") || headers.key?(:traceparent)

            @tracer.in_span("send #{message[:topic]}", kind: :producer, attributes: attributes(message)) do
              carrier = {}
              OpenTelemetry.sdk.propagation.inject(carrier)
              message.merge(headers: headers.merge(carrier))
            end
          end

          private

          def attributes(message)
            {
              "messaging.system" => "kafka", "messaging.operation.name" => "send", "messaging.operation.type" => "send",
              "messaging.destination.name" => message[:topic].to_s, "messaging.kafka.message.key" => message[:key]
            }.compact
          end
        end
      end
    end
  end
end

# frozen_string_literal: true

module Karafka
  module Instrumentation
    module Vendors
      # Traces for OpenTelemetry, by the SDK that the application has loaded and set up. Off until it is subscribed: it adds headers to
      # messages.
      #
      # @example
      #   Karafka.monitor.subscribe(Karafka::Instrumentation::Vendors::OpenTelemetry::TracesListener.new)
      #   Karafka.producer.middleware.append(Karafka::Instrumentation::Vendors::OpenTelemetry::Injector.new)
      module OpenTelemetry
        # @return [Object] a tracer of the application's SDK
        # @raise [Errors::InvalidConfigurationError] none is loaded
        def self.tracer
          sdk.tracer_provider.tracer("karafka-rs", VERSION)
        end

        # @return [Module]
        # @raise [Errors::InvalidConfigurationError] none is loaded
        def self.sdk
          return ::OpenTelemetry if Object.const_defined?(:OpenTelemetry) && ::OpenTelemetry.respond_to?(:tracer_provider)

          raise Errors::InvalidConfigurationError,
                "#{self} needs the gem opentelemetry-sdk, loaded and set up before: add it to the Gemfile, and call " \
                "OpenTelemetry::SDK.configure"
        end
      end
    end
  end
end

# frozen_string_literal: true

module Karafka
  module Instrumentation
    # Listeners for services of others: {Datadog}, {Kubernetes} and {Appsignal}, under the names of Karafka 2.x, and {OpenTelemetry}. None
    # of them needs a gem before it is used.
    module Vendors
      # @raise [Errors::UnsupportedFeatureError] always
      def self.const_missing(name)
        raise Errors::UnsupportedFeatureError.for("#{self}::#{name}", "Subscribe a listener of your own to Karafka.monitor meanwhile.")
      end
    end
  end
end

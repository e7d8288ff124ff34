# frozen_string_literal: true

module Karafka
  module Instrumentation
    # Listeners for services of others. None of them exists yet, and naming one says so.
    module Vendors
      # @raise [Errors::UnsupportedFeatureError] always
      def self.const_missing(name)
        raise Errors::UnsupportedFeatureError.for("#{self}::#{name}", "Subscribe a listener of your own to Karafka.monitor meanwhile.")
      end
    end
  end
end

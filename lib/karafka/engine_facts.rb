# frozen_string_literal: true

module Karafka
  # What can be asked of the engine without starting it.
  module EngineFacts
    class << self
      # @return [String]
      def librdkafka_version
        Native.librdkafka_version
      end

      # @return [Hash{String=>String}] every setting of librdkafka: "C" for consumers only, "P" for producers only, "*" for both
      def kafka_properties
        @kafka_properties ||= Native.kafka_properties.freeze
      end

      # @param settings [Hash{String=>String}]
      # @param role ["consumer", "producer"]
      # @return [Array<Array(String, String)>] name and librdkafka's complaint of what it refuses
      def check_kafka_settings(settings, role)
        Native.check_kafka_settings(settings, role)
      end

      # @param config [Hash{Symbol=>Object}] see {Routing::Only#to_h}
      # @return [Native::Only]
      # @raise [Errors::InvalidConfigurationError]
      def filter(config)
        Native::Only.new(config)
      end

      # @param brokers [Integer]
      # @return [Native::MockBroker] a Kafka in this process, for development
      def mock_broker(brokers = 1)
        Native::MockBroker.new(brokers)
      end
    end
  end
end

# frozen_string_literal: true

module Karafka
  # What can be asked of the engine without starting it.
  module Librdkafka
    class << self
      # @return [String]
      def librdkafka_version
        Native.librdkafka_version
      end

      # @return [Hash{String=>String}] every setting of librdkafka: "C" for consumers only, "P" for producers only, "*" for both
      def kafka_properties
        @kafka_properties ||= Native.kafka_properties.freeze
      end

      # @return [Hash{String=>String}] other names of settings, and the main one
      def kafka_aliases
        @kafka_aliases ||= Native.kafka_aliases.freeze
      end

      # @param settings [Hash{String=>String}]
      # @param role ["consumer", "producer"]
      # @return [Array<Array(String, String)>] name and reason of what is refused
      def check_kafka_settings(settings, role)
        Native.check_kafka_settings(settings, role)
      end

      # Makes a client without brokers, and ends it.
      # @param settings [Hash{String=>String}] each of them fine
      # @param role ["consumer", "producer"]
      # @return [String, nil] why librdkafka makes no client of them together
      def try_kafka_settings(settings, role)
        Native.try_kafka_settings(settings, role)
      end

      # @param config [Hash{Symbol=>Object}] see {Routing::Filter#to_h}
      # @return [Native::Filter]
      # @raise [Errors::InvalidConfigurationError]
      def filter(config)
        Native::Filter.new(config)
      end

      # @param pid [Integer]
      # @return [Integer, nil] memory that this process has in RAM, in bytes; nil where there is none, or the system doesn't say
      def resident_bytes(pid)
        Native.resident_bytes(pid)
      end

      # @param brokers [Integer]
      # @return [Native::MockBroker] a Kafka in this process, for development
      def mock_broker(brokers = 1)
        Native::MockBroker.new(brokers)
      end
    end
  end
end

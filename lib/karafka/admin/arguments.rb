# frozen_string_literal: true

module Karafka
  class Admin
    # What callers may give, in the form that the engine takes.
    # @api private
    module Arguments
      PARTITIONS = "a number of a partition, or an Array of them"
      # What Kafka can count to.
      OFFSETS = 0..((2**63) - 1)
      private_constant :PARTITIONS, :OFFSETS

      module_function

      # @param value [String, Symbol]
      # @return [String]
      # @raise [Errors::InvalidConfigurationError]
      def name(what, value)
        text = value.to_s if value.is_a?(String) || value.is_a?(Symbol)
        return text unless text.nil? || text.empty? || !utf8?(text)

        Setup.invalid!(what, value, "a name: a String or a Symbol that is not empty, in UTF-8")
      end

      # @param text [String]
      # @return [Boolean] whether Kafka can have it as a name
      def utf8?(text)
        text.encode(Encoding::UTF_8).valid_encoding?
      rescue EncodingError
        false
      end

      # @param value [Object]
      # @return [Boolean]
      def offset?(value) = value.is_a?(Integer) && OFFSETS.cover?(value)

      # @param value [Integer]
      # @return [Integer]
      # @raise [Errors::InvalidConfigurationError]
      def count(what, value) = Setup::Types::COUNT.check(what, value)

      # @param value [Integer]
      # @return [Integer]
      # @raise [Errors::InvalidConfigurationError]
      def partition(value)
        return value if value.is_a?(Integer) && value.between?(0, (2**31) - 1)

        Setup.invalid!("partition", value, "an Integer of at least 0")
      end

      # @param value [Time, Integer] milliseconds
      # @return [Integer] milliseconds
      def milliseconds(value)
        value.is_a?(Integer) ? value : (value.to_time.to_r * 1_000).floor
      end

      # @param value [Object]
      # @return [Boolean] whether it is a time, also one of ActiveSupport
      def time?(value)
        value.respond_to?(:to_time) && !value.is_a?(String)
      end

      # @param topics [Hash{String, Symbol=>Array<Integer>, Integer}]
      # @return [Hash{String=>Array<Integer>}]
      # @raise [Errors::InvalidConfigurationError]
      def partitions(topics)
        Setup.invalid!("partitions", topics, "a Hash of topics with #{PARTITIONS}") unless topics.respond_to?(:to_hash)

        topics.to_hash.to_h do |topic, numbers|
          [name("topic", topic), Array(numbers).map { |number| partition(number) }.uniq]
        end
      end

      # @param settings [Hash{String, Symbol=>Object}] of a topic
      # @return [Hash{String=>String}]
      # @raise [Errors::InvalidConfigurationError]
      def config(settings)
        Setup.invalid!("config of the topic", settings, "a Hash of Kafka's settings") unless settings.respond_to?(:to_hash)

        settings.to_hash.to_h do |key, value|
          Setup.invalid!("config of the topic #{key}", value, "a value; leave it out for the brokers' default") if value.nil?
          [key.to_s, Array(value).join(",")]
        end
      end
    end
    private_constant :Arguments
  end
end

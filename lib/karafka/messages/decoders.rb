# frozen_string_literal: true

module Karafka
  module Messages
    # The deserializers of one topic that are not the default ones, and the name that its topic mapper gives it.
    # Messages of topics with nothing special carry none of it.
    class Decoders
      # @param route [Routing::Topic]
      # @param topic [String] as Kafka calls it
      # @param name [String] as the application does
      # @return [Decoders, nil] nil when there is nothing special
      def self.of(route, topic, name = topic)
        parts = route.deserializers
        new(payload: parts.payload, key: parts.key, headers: parts.headers, topic: (name unless name == topic)).presence
      end

      # @return [#call, nil] nil: the default
      attr_reader :payload, :key, :headers
      # @return [String, nil] name of the topic for the application, where it is not Kafka's
      attr_reader :topic

      # @param payload [#call, nil]
      # @param key [#call, nil]
      # @param headers [#call, nil]
      # @param topic [String, nil]
      def initialize(payload: nil, key: nil, headers: nil, topic: nil)
        @payload = custom(payload, Deserializers::Payload)
        @key = custom(key, Deserializers::Key)
        @headers = custom(headers, Deserializers::Headers)
        @topic = topic
      end

      # @return [Decoders, nil] nil when there is nothing special
      def presence
        self if @payload || @key || @headers || @topic
      end

      private

      # Subclasses of the default ones decide for themselves.
      def custom(deserializer, default)
        return if deserializer.nil? || deserializer.instance_of?(default)
        return deserializer if deserializer.respond_to?(:call)
        return Compat::ParserDeserializer.new(deserializer) if deserializer.respond_to?(:parse)

        raise Errors::InvalidConfigurationError, "deserializer #{deserializer.inspect} has neither call(message) nor parse(string)"
      end
    end
  end
end

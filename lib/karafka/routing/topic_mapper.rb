# frozen_string_literal: true

module Karafka
  module Routing
    # The topic mapper of Karafka 1.x that changes nothing, for mappers that inherit from it.
    class TopicMapper
      # Mappers of 1.2 were used without an instance.
      class << self
        # (see TopicMapper#incoming)
        def incoming(topic) = new.incoming(topic)
        # (see TopicMapper#outgoing)
        def outgoing(topic) = new.outgoing(topic)
      end

      # @param topic [String] as Kafka calls it
      # @return [String] as the application calls it
      def incoming(topic)
        topic
      end

      # @param topic [String] as the application calls it
      # @return [String] as Kafka calls it
      def outgoing(topic)
        topic
      end
    end
  end
end

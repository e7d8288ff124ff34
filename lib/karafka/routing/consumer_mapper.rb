# frozen_string_literal: true

module Karafka
  module Routing
    # The default of Karafka 1.x: a group's name in Kafka begins with the client id, in snake case. Today it is the name in the
    # routes; an application that moves from 1.x keeps its committed offsets with
    # `config.consumer_mapper = Karafka::Routing::ConsumerMapper.new`.
    class ConsumerMapper
      # Mappers of 1.2 were used without an instance.
      # (see #call)
      def self.call(name) = new.call(name)

      # @param name [String] of the consumer group in the routes
      # @return [String] its name in Kafka
      def call(name)
        "#{snake_case(App.config.client_id)}_#{name}"
      end

      private

      def snake_case(text)
        text.gsub(/([A-Z\d]+)([A-Z][a-z])/, "\\1_\\2").gsub(/([a-z\d])([A-Z])/, "\\1_\\2").tr("-", "_").downcase
      end
    end
  end
end

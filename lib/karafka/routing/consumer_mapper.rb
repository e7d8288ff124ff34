# frozen_string_literal: true

module Karafka
  module Routing
    # The default of Karafka 1.x: a group's name in Kafka begins with the client id. Today it is the name in the routes;
    # an application that moves from 1.x keeps its committed offsets with
    # `config.consumer_mapper = Karafka::Routing::ConsumerMapper.new`.
    class ConsumerMapper
      # @param name [String] of the consumer group in the routes
      # @return [String] its name in Kafka
      def call(name)
        "#{App.config.client_id}_#{name}"
      end
    end
  end
end

# frozen_string_literal: true

module Karafka
  module Setup
    # Which clusters a topic concerns: a transaction is of one cluster.
    # @api private
    module Clusters
      # @param topic [Routing::Topic]
      # @return [Array(String, String)] brokers that it is consumed from, and those that the application's producer writes to;
      #   nil: unknown
      def self.of(topic)
        [topic.kafka_settings, Karafka.producer.config.kafka].map do |settings|
          settings.to_h.transform_keys(&:to_sym)[:"bootstrap.servers"]
        end
      end
    end
  end
end

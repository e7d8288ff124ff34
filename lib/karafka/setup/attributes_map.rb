# frozen_string_literal: true

module Karafka
  module Setup
    # Which of the settings of librdkafka belong to which client.
    module AttributesMap
      # @param settings [Hash{Symbol, String=>Object}]
      # @return [Hash] without what only a producer knows
      def self.consumer(settings)
        KafkaContract.only(settings, "consumer")
      end

      # @param settings [Hash{Symbol, String=>Object}]
      # @return [Hash] without what only a consumer knows
      def self.producer(settings)
        KafkaContract.only(settings, "producer")
      end
    end
  end
end

# frozen_string_literal: true

module Karafka
  module Consumers
    # Producing from a consumer, with the application's producer; inside of a transaction with that one's.
    module Producing
      # @return [WaterDrop::Producer]
      def producer
        @karafka_transaction || Karafka.producer
      end

      # @!method produce_sync(message)
      # @!method produce_async(message)
      # @!method produce_many_sync(messages)
      # @!method produce_many_async(messages)
      %i[produce_sync produce_async produce_many_sync produce_many_async].each do |name|
        define_method(name) { |message| producer.public_send(name, message) }
      end
    end
  end
end

# frozen_string_literal: true

module Karafka
  module Consumers
    # Producing from a consumer, with the application's producer or its own; inside of a transaction with that one's.
    module Producing
      # @param producer [WaterDrop::Producer, Object, nil] another one for this consumer, such as one of a pool in
      #   {BaseConsumer#wrap}, or what stands for one in a test; nil: the application's again
      # @return [void]
      def producer=(producer)
        @karafka_producer = producer.equal?(Karafka.producer) ? nil : producer
      end

      # @return [WaterDrop::Producer]
      def producer
        @karafka_transaction || @karafka_producer || Karafka.producer
      end

      # @!method produce_sync(message)
      # @!method produce_async(message)
      # @!method produce_many_sync(messages)
      # @!method produce_many_async(messages)
      # @!method produce_after_commit(message)
      # @!method produce_many_after_commit(messages)
      %i[produce_sync produce_async produce_many_sync produce_many_async produce_after_commit
         produce_many_after_commit].each do |name|
        define_method(name) { |message| producer.public_send(name, message) }
      end
    end
  end
end

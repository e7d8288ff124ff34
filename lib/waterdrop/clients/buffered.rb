# frozen_string_literal: true

module WaterDrop
  module Clients
    # As {Dummy}, and keeps the messages for a test to look at.
    #
    # @example
    #   producer = WaterDrop::Producer.new { |config| config.client_class = WaterDrop::Clients::Buffered }
    #   producer.produce_sync(topic: "orders", payload: "{}")
    #   producer.client.messages # => [{ topic: "orders", payload: "{}" }]
    class Buffered < Dummy
      # @param config [Config, Producer] test helpers give a producer
      def initialize(config)
        super
        @messages = []
      end

      # @return [Array<Hash>] all that were delivered, in order; as they were after the middleware
      def messages
        @lock.synchronize { @messages.dup }
      end

      # @param topic [String, Symbol]
      # @return [Array<Hash>]
      def messages_for(topic)
        messages.select { |message| message[:topic].to_s == topic.to_s }
      end

      # Forgets the messages; offsets start at 0 again. Topics stay.
      # @return [void]
      def reset
        @lock.synchronize do
          @messages = []
          @places.reset
        end
      end

      # @api private
      def transact(step, *)
        @kept = @lock.synchronize { @messages.size } if step == :begin
        super
      end

      private

      def forget_aborted
        @lock.synchronize { @messages = @messages.first(@kept) }
      end

      def stored(message, place)
        @messages << Snapshot.of(message) unless place[2]
        place
      end
    end
  end
end

# frozen_string_literal: true

module Karafka
  module Testing
    # What the application's producer sends through in a test: keeps the messages and gives those of a consumer's topic to it.
    # Those of a transaction come with its commit.
    class SpecProducerClient < WaterDrop::Clients::Buffered
      # @param producer [WaterDrop::Producer]
      # @param session [Session]
      def initialize(producer, session)
        super(producer)
        @session = session
        @held = []
      end

      # @api private
      def produce(*)
        super.tap { hand_over unless transaction_open? }
      end

      # @api private
      def transact(step, *)
        super
        hand_over if step == :commit
      end

      # @return [void]
      def reset
        super
        @lock.synchronize { @held = [] }
      end

      private

      def stored(message, place)
        super.tap { @held << @messages.last unless place[2] }
      end

      def forget_aborted
        super
        @lock.synchronize { @held = [] }
      end

      # Not under the lock: routes and consumers may be the application's code.
      def hand_over
        held = @lock.synchronize { @held.tap { @held = [] } }
        held.each { |message| @session.sent(message) }
      end
    end
  end
end

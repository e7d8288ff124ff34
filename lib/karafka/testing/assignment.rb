# frozen_string_literal: true

module Karafka
  module Testing
    # The partition of a test's consumer: an {Karafka::Assignment} with the instance that the test has.
    class SpecAssignment < Karafka::Assignment
      # @return [Position]
      attr_reader :position
      # @return [Array<Array(Exception, String)>] what the handling of failures has reported, with its type
      attr_reader :reported

      # @param consumer [BaseConsumer]
      # @param topic [Routing::Topic]
      # @param partition [Integer]
      # @param transactions [TransactionalProducers]
      def initialize(consumer, topic, partition, transactions)
        @position = Position.new(topic)
        @given = consumer
        @reported = []
        super(topic, idle_lease(topic, partition), transactions)
        # The test has this instance, and no other.
        @persistent = true
      end

      # @param kind [Symbol]
      # @return [Lease] without messages
      def idle_lease(topic = @topic, partition = @partition, kind: :consume)
        Lease.new([], kind: kind, topic: topic.subscription_name, partition: partition, position: @position, attempt: nil)
      end

      # A server has no consumer before the first batch. A test has one, and may have called its `consume` by itself.
      # @param lease [Lease]
      # @return [void]
      def present(lease)
        return if @consumer

        messages = @given.messages
        prepare(lease)
        @given.messages = messages
      end

      # Decides as in a server, and lets the test see what would be in the log.
      class Handler < Failures::Handler
        # @param reported [Array]
        def initialize(*given, reported:)
          super(*given)
          @reported = reported
        end

        private

        def report(error, type, **rest)
          @reported << [error, type]
          super
        end
      end
      private_constant :Handler

      private

      # A test has no statistics to wait for.
      def insights?
        true
      end

      def new_consumer
        @given
      end

      # With several partitions the consumer goes from one to the other.
      def prepare(lease)
        @given.karafka_assign(self)
        super
      end

      def begun(consumer)
        super unless consumer.karafka_begun
        consumer.karafka_begun = true
      end

      def failures
        @failures ||= Handler.new(self, @share.guard, reported: @reported)
      end
    end
  end
end

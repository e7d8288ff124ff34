# frozen_string_literal: true

module Karafka
  module Testing
    # What a consumer of a test has beyond its class: a stand-in for the connection, which is asked before anything is marked,
    # committed or sought.
    module SpecConsumer
      # @return [SpecConsumerClient]
      attr_accessor :client
      # @return [SpecCoordinator]
      attr_accessor :coordinator
      # @api private
      # @return [Boolean, nil] whether `initialized` was called
      attr_accessor :karafka_begun

      # @!visibility private
      %i[mark_as_consumed mark_as_consumed! commit_offsets commit_offsets! seek].each do |name|
        define_method(name) { |*given, **options| karafka_ask(name, given) { super(*given, **options) } }
      end

      # @return [Boolean]
      def revoked?
        client.assignment_lost? || super
      end

      private

      # One question for each call of the test's code: `mark_as_consumed!` marks by itself.
      def karafka_ask(name, given)
        return yield if @karafka_asking || @karafka_transaction
        return false unless client.public_send(name, *given)

        begin
          @karafka_asking = true
          yield
        ensure
          @karafka_asking = false
        end
      end

      # A test may produce to several partitions at once, and make messages by hand.
      def check_place(message)
        super unless messages&.include?(message)
      end
    end
  end
end

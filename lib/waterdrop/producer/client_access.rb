# frozen_string_literal: true

module WaterDrop
  class Producer
    # What hands the messages over. Tests look at it, and replace it: a stub of {#client} gets everything from then on, and
    # nothing connects.
    module ClientAccess
      # Connects where that has not happened yet. After the close it is the one that was used.
      # @return [Client, Clients::Dummy, Clients::Buffered]
      # @raise [Errors::ProducerNotConfiguredError]
      def client
        ready! unless %i[closing closed].include?(@state)
        @client
      end

      # @api private
      # @return [Boolean] whether {#client} was replaced
      def stubbed?
        @stubbed || false
      end

      # @api private
      def singleton_method_added(name)
        super
        client_changed if name == :client
      end

      # @api private
      def singleton_method_removed(name)
        super
        client_changed if name == :client
      end

      private

      # @return [Client, Clients::Dummy] without a look at the producer's state, unless it is stubbed
      def current_client
        @stubbed ? client : @client
      end

      def stubbed_client?
        @stubbed = method(:client).owner != ClientAccess
      end

      # Ends the short way of single messages, which does not ask.
      def client_changed
        stubbed_client?
        @short = @listeners = nil
      end
    end
    private_constant :ClientAccess
  end
end

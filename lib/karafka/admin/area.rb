# frozen_string_literal: true

module Karafka
  class Admin
    # A part of administration. Its methods exist on the class, too, for the application's cluster.
    class Area
      class << self
        private

        # @param names [Array<Symbol>] methods that the class is to have
        def on_application(*names)
          names.each do |name|
            define_singleton_method(name) { |*arguments, **options| new(Connection.new).public_send(name, *arguments, **options) }
          end
        end
      end

      # @param connection [Connection]
      # @api private
      def initialize(connection)
        @connection = connection
      end

      private

      def ask(...) = @connection.ask(...)
    end
  end
end

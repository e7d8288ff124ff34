# frozen_string_literal: true

module Karafka
  module Server
    # The only place with traps. A trap writes one byte; what follows happens in the thread that runs the server.
    class Signals
      NAMES = %i[INT TERM QUIT TSTP TTIN].freeze
      private_constant :NAMES

      # @param control [Control]
      # @yield with the traps set; the former ones are back afterwards
      def self.trapped(control)
        former = NAMES.to_h { |name| [name, ::Signal.trap(name.to_s) { control.push(name) }] }
        yield
      ensure
        former&.each { |name, handler| ::Signal.trap(name.to_s, handler || "DEFAULT") }
      end
    end
  end
end

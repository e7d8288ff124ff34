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
        owner = ::Process.pid
        former = NAMES.to_h do |name|
          [name, ::Signal.trap(name.to_s) { ::Process.pid == owner ? control.push(name) : leave_to_system(name) }]
        end
        yield
      ensure
        former&.each { |name, handler| ::Signal.trap(name.to_s, handler || "DEFAULT") }
      end

      # A forked child has inherited the traps, and the pipe they write to is its parent's: what is sent to the child must
      # not stop the parent.
      def self.leave_to_system(name)
        ::Signal.trap(name.to_s, "DEFAULT")
        ::Process.kill(name, ::Process.pid)
      end
      private_class_method :leave_to_system
    end
  end
end

# frozen_string_literal: true

module Karafka
  module Server
    # The only place with traps. A trap writes one byte; what follows happens in the thread that runs the server.
    class Signals
      NAMES = %i[INT TERM QUIT HUP TSTP TTIN].freeze
      # Where it is not those.
      OF_MODE = { supervisor: [*NAMES, :USR2].freeze, swarm: %i[TERM TSTP TTIN].freeze }.freeze
      # What a node of a swarm does not obey: a terminal sends it to the whole process group, and the supervisor then tells its nodes
      # what to do.
      OVERHEARD = { swarm: %i[INT QUIT HUP USR2].freeze }.freeze
      private_constant :NAMES, :OF_MODE, :OVERHEARD

      # @param control [Control]
      # @param mode [Symbol] see {ExecutionMode}
      # @yield with the traps set; the former ones are back afterwards
      def self.trapped(control, mode = :standalone)
        owner = ::Process.pid
        former = OF_MODE.fetch(mode, NAMES).to_h do |name|
          before = ::Signal.trap(name.to_s) { ::Process.pid == owner ? control.push(name) : leave_to_system(name) }
          # `nohup`: it is to outlive its terminal.
          ::Signal.trap("HUP", before) if name == :HUP && before == "IGNORE"
          [name, before]
        end
        # A block, not "IGNORE": programs that it starts would inherit that.
        OVERHEARD.fetch(mode, []).each { |name| former[name] = ::Signal.trap(name.to_s) { nil } }
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

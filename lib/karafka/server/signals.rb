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
        former = OF_MODE.fetch(mode, NAMES).to_h do |name|
          before = obey(name) { control.push(name) }
          # `nohup`: it is to outlive its terminal.
          ::Signal.trap("HUP", before) if name == :HUP && before == "IGNORE"
          [name, before]
        end
        # A block, not "IGNORE": programs that it starts would inherit that.
        OVERHEARD.fetch(mode, []).each { |name| former[name] = ::Signal.trap(name.to_s) { nil } }
        yield
      ensure
        restore(former)
      end

      # For the time in which an application is loaded. Without traps the system halts the process at either of these signals, until
      # somebody sends CONT.
      # @param runtime [Runtime, Swarm::Supervisor] what will run
      # @yield with the traps set; the former ones are back afterwards
      # @return [Object] what the block gives
      def self.while_booting(runtime)
        # There is no logger yet, and a trap can load nothing: neither this nor what it uses.
        report, = Report, Text
        former = {
          TSTP: obey(:TSTP) { runtime.quiet },
          TTIN: obey(:TTIN) { $stderr.write("#{report.threads(runtime)}\n") }
        }
        yield
      ensure
        restore(former)
      end

      def self.obey(name)
        owner = ::Process.pid
        ::Signal.trap(name.to_s) { ::Process.pid == owner ? yield : leave_to_system(name) }
      end

      def self.restore(former)
        former&.each { |name, handler| ::Signal.trap(name.to_s, handler || "DEFAULT") }
      end

      # A forked child has inherited the traps, and the pipe they write to is its parent's: what is sent to the child must
      # not stop the parent.
      def self.leave_to_system(name)
        ::Signal.trap(name.to_s, "DEFAULT")
        ::Process.kill(name, ::Process.pid)
      end
      private_class_method :obey, :restore, :leave_to_system
    end
  end
end

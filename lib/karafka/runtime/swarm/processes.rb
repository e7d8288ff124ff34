# frozen_string_literal: true

module Karafka
  module Swarm
    # What the supervisor does to other processes, in one place.
    class Processes
      MEGABYTE = 1_048_576
      private_constant :MEGABYTE

      # @return [Boolean] whether the memory of other processes can be read here
      def self.memory?
        !Librdkafka.resident_bytes(::Process.pid).nil?
      end

      # @yieldparam writer [IO] in the child, which ends with what the block returns as its status
      # @return [Array(Integer, IO)] process id, and where to read what the child writes
      def fork
        reader, writer = IO.pipe
        pid = ::Process.fork do
          reader.close
          exit(yield(writer))
        end
        [pid, reader]
      ensure
        writer&.close
      end

      # Reaps a child that has ended. Asks for this one only: other children are the application's.
      # @param pid [Integer]
      # @return [::Process::Status, :unknown, nil] nil: it runs; :unknown: another part of the application has reaped it
      def ended(pid)
        ::Process.wait2(pid, ::Process::WNOHANG)&.last
      rescue Errno::ECHILD
        :unknown
      end

      # @param signal [Symbol]
      # @param pid [Integer] of a child that was not reaped, so that no other process can have its id
      # @return [void]
      def signal(signal, pid)
        ::Process.kill(signal, pid)
      rescue Errno::ESRCH
        nil # Reaped elsewhere; the next look at it says so.
      end

      # @param pid [Integer]
      # @return [Integer, nil] resident memory in MB; nil where it cannot be read
      def memory(pid)
        Librdkafka.resident_bytes(pid)&.div(MEGABYTE)
      end
    end
  end
end

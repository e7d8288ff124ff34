# frozen_string_literal: true

require "io/wait"

module Karafka
  module Server
    # How other threads and traps tell the thread that runs the server what to do. A pipe, because a trap may neither
    # lock nor allocate much, and because waiting for it can have a deadline.
    class Control
      # One byte each.
      COMMANDS = {
        "s" => :stop, "f" => :failed, "q" => :quiet, "c" => :closed,
        "I" => :INT, "T" => :TERM, "Q" => :QUIT, "H" => :HUP, "Z" => :TSTP, "N" => :TTIN, "U" => :USR2
      }.freeze
      BYTES = COMMANDS.invert.freeze
      private_constant :COMMANDS, :BYTES

      def initialize
        @reader, @writer = IO.pipe
      end

      # Callable from a trap.
      # @param command [Symbol]
      # @return [void]
      def push(command)
        @writer.write_nonblock(BYTES.fetch(command))
        nil
      rescue IO::WaitWritable, IOError
        # Full: thousands of commands wait already. Closed: nobody is there any more.
        nil
      end

      # @param seconds [Numeric, nil] nil: forever
      # @return [Symbol, nil] nil: that time has passed
      def wait(seconds = nil)
        return unless @reader.wait_readable(seconds)

        COMMANDS[@reader.read_nonblock(1, exception: false)]
      end

      # @return [void]
      def close
        @writer.close
        @reader.close
      end
    end
  end
end

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

      # As {#wait}. What is raised in this thread meanwhile is an order to stop, and goes on with {#raise_again}: an `exit` in a
      # subscriber, the end of a thread with `abort_on_exception`, a signal without a trap such as USR1.
      # @param seconds [Numeric, nil]
      # @return [Symbol, nil]
      def order(seconds = nil)
        wait(seconds)
      rescue Exception => e # rubocop:disable Lint/RescueException -- all of them end the process
        Karafka.logger.warn("Stopping, because #{e.class} was raised in the server's thread: #{e.message}")
        @raised = e
        :stop
      end

      # @return [void]
      # @raise [Exception] what was an order to stop
      def raise_again
        raise @raised if @raised
      end

      # @return [void]
      def close
        @writer.close
        @reader.close
      end
    end
  end
end

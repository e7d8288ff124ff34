# frozen_string_literal: true

module Karafka
  # The command `karafka`. A user's mistake gets one sentence that says what to do, never a backtrace.
  module Cli
    # Exit statuses: all went well, an error, work had to be cut off.
    OK = 0
    FAILED = 1
    FORCED = 2

    class << self
      # Nothing is left to prepare; `karafka` scripts of 1.x call it.
      # @return [void]
      def prepare; end

      # @return [Boolean] whether this process runs a command, which loads what it needs
      # @api private
      def running? = @running || false

      # Runs a command and ends the process, as `karafka` scripts of 1.x and 2.x do.
      # @param argv [Array<String>]
      # @return [void] does not return
      def start(argv = ARGV)
        exit(run(argv))
      end

      # @param argv [Array<String>]
      # @param err [IO] where errors are written
      # @return [Integer] exit status
      def run(argv, err: $stderr)
        @running = true
        result = Commands.start(argv, debug: true)
        result.is_a?(Integer) ? result : OK
      # These first: one may come while Thor is being loaded, and the next clause names a constant of it.
      rescue Interrupt
        FAILED
      rescue SignalException
        raise
      rescue Thor::Error, Errors::BaseError => e
        err.puts(["karafka: #{e.message}", Origin.line(e)].compact.join(" "))
        FAILED
      rescue Errno::EPIPE
        OK
      rescue SystemExit => e
        e.status
      rescue Exception => e # rubocop:disable Lint/RescueException -- a boot file may raise anything, such as SystemStackError
        unexpected(e, err)
      end

      private

      # Not a mistake in the use of a command: an exception of the application's files, or of ours.
      def unexpected(error, err)
        err.puts("karafka: #{Origin.describe(error)}")
        if ENV["KARAFKA_BACKTRACE"]
          err.puts(error.backtrace)
        else
          err.puts("KARAFKA_BACKTRACE=1 shows where it came from.")
        end
        FAILED
      end
    end
  end
end

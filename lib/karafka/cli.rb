# frozen_string_literal: true

module Karafka
  # The command `karafka`. A user's mistake gets one sentence that says what to do, never a backtrace.
  module Cli
    # Exit statuses: all went well, an error, work had to be cut off.
    OK = 0
    FAILED = 1
    FORCED = 2
    # How most servers are started. Without options there is nothing for Thor to read, which takes a tenth of the start to load.
    PLAIN_SERVER = %w[server].freeze
    private_constant :PLAIN_SERVER

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
        argv = in_utf8(argv)
        result = argv == PLAIN_SERVER ? ServerCommand.new({}).call : Commands.start(argv, debug: true)
        result.is_a?(Integer) ? result : OK
      rescue Interrupt
        FAILED
      rescue SignalException
        raise
      rescue Errors::BaseError, *errors_of_thor => e
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

      # Without a locale, as in most containers, Ruby takes arguments for ASCII or for bytes.
      def in_utf8(argv)
        argv.map do |text|
          text = text.dup.force_encoding(Encoding::UTF_8) if [Encoding::US_ASCII, Encoding::BINARY].include?(text.encoding)
          next text.encode(Encoding::UTF_8) if text.valid_encoding?

          raise Errors::CommandError, "the argument #{text.inspect} is not UTF-8"
        end
      end

      # None where Thor is not loaded, or not yet: a signal or an error may come meanwhile.
      def errors_of_thor = defined?(Thor::Error) ? [Thor::Error] : []

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

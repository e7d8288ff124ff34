# frozen_string_literal: true

require "thor"

module Karafka
  # The command `karafka`. A user's mistake gets one sentence that says what to do, never a backtrace.
  module Cli
    # Exit statuses: all went well, an error, work had to be cut off.
    OK = 0
    FAILED = 1
    FORCED = 2
    # Lines of a backtrace that say nothing about whose mistake it was.
    LOADERS = %r{/gems/(?:thor|zeitwerk)-[\d.]+/}
    private_constant :LOADERS

    class << self
      # @param argv [Array<String>]
      # @param err [IO] where errors are said
      # @return [Integer] exit status
      def run(argv, err: $stderr)
        result = Commands.start(argv, debug: true)
        result.is_a?(Integer) ? result : OK
      rescue Thor::Error, Errors::BaseError => e
        err.puts("karafka: #{e.message}")
        FAILED
      rescue Errno::EPIPE
        OK
      rescue Interrupt
        FAILED
      rescue SystemExit => e
        e.status
      rescue SignalException
        raise
      rescue Exception => e # rubocop:disable Lint/RescueException -- a boot file may raise anything, such as SystemStackError
        unexpected(e, err)
      end

      private

      # Not a mistake in the use of a command: an exception of the application's files, or of ours.
      def unexpected(error, err)
        place = (error.backtrace || []).find { |line| !line.start_with?("<internal:", Karafka.gem_root.to_s) && !line.match?(LOADERS) }
        err.puts("karafka: #{error.class}: #{error.message.lines.first.to_s.strip}#{" (#{place})" if place}")
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

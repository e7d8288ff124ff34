# frozen_string_literal: true

require "logger"

module Karafka
  module Instrumentation
    # The default of `config.logger`: standard output, one line an entry.
    class Logger < ::Logger
      LEVELS = %w[debug info warn error fatal unknown].freeze
      private_constant :LEVELS

      # @param device [IO, String] where to write
      # @param level [String, Symbol, Integer] by default KARAFKA_LOG_LEVEL; else "error" in the test environment and "info" elsewhere
      # @raise [Errors::InvalidConfigurationError] KARAFKA_LOG_LEVEL is no level
      def initialize(device = $stdout, level: nil)
        device.sync = true if device.respond_to?(:sync=)
        super(device, level: level || from_environment || (Karafka.env.test? ? "error" : "info"))
      end

      # To standard error instead of standard output, which is for what somebody asked for.
      # @return [void]
      def aside
        reopen($stderr) if @logdev&.dev.equal?($stdout)
      end

      private

      def from_environment
        given = ENV["KARAFKA_LOG_LEVEL"].to_s.strip.downcase
        return if given.empty?
        return given if LEVELS.include?(given)

        raise Errors::InvalidConfigurationError,
              "KARAFKA_LOG_LEVEL is #{ENV.fetch("KARAFKA_LOG_LEVEL").inspect}, but must be one of #{LEVELS.join(", ")}."
      end
    end
  end
end

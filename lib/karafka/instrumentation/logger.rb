# frozen_string_literal: true

require "logger"

module Karafka
  module Instrumentation
    # The default of `config.logger`: standard output, one line an entry.
    class Logger < ::Logger
      # @param device [IO, String] where to write
      # @param level [String, Symbol, Integer] KARAFKA_LOG_LEVEL; else "error" in the test environment and "info" elsewhere
      def initialize(device = $stdout, level: nil)
        device.sync = true if device.respond_to?(:sync=)
        chosen = level || ENV["KARAFKA_LOG_LEVEL"] || (Karafka.env.test? ? "error" : "info")
        super(device, level: chosen)
      end
    end
  end
end

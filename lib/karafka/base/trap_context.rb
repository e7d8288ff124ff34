# frozen_string_literal: true

module Karafka
  # Ruby takes no lock in a trap (`trap("TERM") { … }`): Mutex, Monitor and so most loggers raise a ThreadError there.
  module TrapContext
    class << self
      # @return [Boolean] whether the calling code runs in a trap
      def inside?
        Mutex.new.synchronize { false }
      rescue ThreadError
        true
      end

      # Logs a line. From a trap another thread does it, and nobody waits for that: what the trap has interrupted may be logging.
      # @param level [Symbol]
      # @param text [String]
      # @return [void]
      def log(level, text)
        return Karafka.logger.public_send(level, text) unless inside?

        Thread.new { Karafka.logger.public_send(level, text) }
        nil
      end
    end
  end
end

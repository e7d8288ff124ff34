# frozen_string_literal: true

module WaterDrop
  # For the threads of a producer, which other people's code runs in: whatever that raises must not end them.
  module Guard
    class << self
      # @param config [Config] who logs
      # @param what [String] runs in the block
      # @return [void]
      def call(config, what)
        yield
      rescue SystemExit, NoMemoryError => e
        # As Ruby does it where a thread has no rescue, but this one goes on: a close needs it.
        ::Thread.main.raise(e)
      rescue Exception => e # rubocop:disable Lint/RescueException -- of other people's code anything may come
        message = Karafka::Instrumentation::Safely.message_of(e)
        report(config, "[#{config.id}] #{what} raised #{e.class}: #{message} (#{Karafka::Text.backtrace(e).first})")
      end

      private

      # A logger is other people's code, too.
      def report(config, text)
        config.logger.error(text)
      rescue StandardError => e
        Karafka::Instrumentation::Safely.say("#{text}, and the logger raised #{e.class}")
      end
    end
  end
  private_constant :Guard
end

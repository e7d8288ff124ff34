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
        config.logger.error("[#{config.id}] #{what} raised #{e.class}: #{e.message} (#{e.backtrace&.first})")
      end
    end
  end
  private_constant :Guard
end

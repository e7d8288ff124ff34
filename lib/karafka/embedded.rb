# frozen_string_literal: true

module Karafka
  # Consuming within a process that does something else, such as a web server. Never traps signals and never ends
  # the process: call {stop} from the host's own hooks.
  module Embedded
    class << self
      # Starts threads and connections; returns when they run.
      # @return [void]
      # @raise [Errors::InvalidConfigurationError]
      def start
        Server.start
      end

      # Stops gracefully, within `shutdown_timeout`. Blocks, except in a consumer: there it only begins the stop, because
      # that waits for the consumer.
      # @return [void]
      def stop
        Server.stop
        Server.wait unless Server.workers.any? { |worker| worker.thread == Thread.current }
        nil
      end

      # Begins no more batches, but stays in the groups.
      # @return [void]
      def quiet
        Server.quiet
      end
    end
  end
end

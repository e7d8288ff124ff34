# frozen_string_literal: true

module Karafka
  # Consuming within a process that does something else, such as a web server. Never traps signals and never ends
  # the process: call {stop} from the host's own hooks.
  module Embedded
    # Seconds on top of shutdown_timeout after which a trap does not wait any longer: what it has interrupted may hold a lock
    # that the stop needs, such as the logger's.
    TRAP_GRACE = 5
    private_constant :TRAP_GRACE

    class << self
      # Starts threads and connections; returns when they run.
      # @return [void]
      # @raise [Errors::InvalidConfigurationError]
      def start
        Server.start
      end

      # Stops gracefully, within `shutdown_timeout`. Blocks, except in a consumer, in a subscriber and in the thread that is
      # starting it: there it only begins the stop, because that waits for them. Can be called from a trap.
      # @return [void]
      def stop
        Server.stop
        return if Server.inside?

        Server.wait(longest)
        nil
      end

      # Ends what runs and runs `shutdown` of each consumer, then stays in the groups without work until {stop}. Returns at
      # once; callable from a trap.
      # @return [void]
      def quiet
        Server.quiet
      end

      private

      # nil: until it has ended.
      def longest
        timeout = App.config.shutdown_timeout
        (timeout / 1_000.0) + TRAP_GRACE if !timeout.negative? && TrapContext.inside?
      end
    end
  end
end

# frozen_string_literal: true

require "forwardable"

module Karafka
  # The engine as Ruby sees it. All waiting happens outside the GVL.
  class Engine
    extend Forwardable

    # @!method start
    #   Threads and connections begin here.
    # @!method take
    #   @return [Native::Lease, nil] blocks until there is work; nil once there will be none
    # @!method retire(count)
    #   So many workers get nil from `take` when they come next.
    # @!method retain(count)
    #   @return [Integer] how many of those that were to be retired stay, as they have not come yet
    # @!method quiet
    #   Hands out no more batches, stays in its groups.
    # @!method stop
    #   Begins the graceful stop; may be called from a trap and more than once.
    # @!method force_stop
    #   Closes without waiting for what is out; nothing of that is committed.
    # @!method set_throttle(index, limit, interval_ms)
    #   Changes a rate limit from now on.
    # @!method pause(group, topic, partition)
    #   Hands out nothing of that until `resume`; nil stands for all.
    #   @return [Integer] assigned partitions that it covers
    # @!method state
    #   @return [Hash{Symbol=>Object}] groups with assignments, leases that are out, queued bytes
    # @!method events(timeout_ms)
    #   @return [Array<Hash>, nil] nil once closed and empty
    def_delegators :@native, :start, :take, :retire, :retain, :quiet, :stop, :force_stop, :state, :events, :set_throttle, :pause, :resume

    # @return [String]
    def self.librdkafka_version
      Native.librdkafka_version
    end

    # @param config [Hash{Symbol=>Object}] see {Routing}; checked by librdkafka, nothing is started
    # @raise [Errors::InvalidConfigurationError]
    def initialize(config)
      @native = Native::Engine.new(config)
    end

    # @param timeout_ms [Integer]
    # @return [Boolean] whether everything is closed
    def join(timeout_ms)
      @native.join(timeout_ms)
    end
  end
end

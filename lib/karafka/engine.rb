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
    #   That number of workers get nil from `take` when they come next.
    # @!method retain(count)
    #   @return [Integer] how many of those that were to be retired stay, as they have not come yet
    # @!method enter_worker(index)
    #   The calling thread is that worker: what it does is shown while it takes leases.
    # @!method leave_worker
    #   The calling thread takes no more leases.
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
    # @!method whereabouts(group, topic, partition, offset)
    #   @return [Array<Hash{Symbol=>Object}>] where that message stands, for each group that has the partition here: `group`,
    #     `position`, `standing` (:passed, :reached or :ahead), `held`, `processing_ms`
    # @!method end_back_off(group, topic, partition)
    #   What has failed there is tried again now.
    # @!method state
    #   @return [Hash{Symbol=>Object}] groups with assignments, leases that are out, queued bytes
    # @!method events(timeout_ms)
    #   @return [Array<Hash>, nil] nil once closed and empty
    def_delegators :@native, :take, :retire, :retain, :quiet, :stop, :force_stop, :state, :events, :set_throttle, :pause, :resume,
                   :whereabouts, :end_back_off, :enter_worker, :leave_worker

    # @return [String]
    def self.librdkafka_version
      Native.librdkafka_version
    end

    # @param config [Hash{Symbol=>Object}] see {Routing}; checked by librdkafka, nothing is started
    # @raise [Errors::InvalidConfigurationError]
    def initialize(config)
      Instrumentation::Tracing.apply
      @native = Native::Engine.new(config)
      @tokens = Array(config[:groups]).any? { |group| group[:kafka]&.key?("oauth.listener") }
    end

    # @return [void]
    def start
      Oauth::Tokens.start if @tokens
      @native.start
    end

    # From now on a supervisor hears how it is.
    # @param heartbeat [Native::Heartbeat]
    # @return [void]
    def report_to(heartbeat)
      heartbeat.watch(@native)
    end

    # From now on that one shows it.
    # @param observer [Native::Observer]
    # @return [void]
    def show_to(observer)
      observer.watch(@native)
    end

    # As `stop`; the last commits, leaving the groups and ending the clients share that time.
    # @param budget [TimeBudget]
    # @return [void]
    def stop_within(budget)
      left = budget.left
      left ? @native.stop_within((left * 1_000).ceil) : @native.stop
    end

    # @param timeout_ms [Integer]
    # @return [Boolean] whether everything is closed
    def join(timeout_ms)
      @native.join(timeout_ms)
    end
  end
end

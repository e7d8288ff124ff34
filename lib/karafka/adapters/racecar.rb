# frozen_string_literal: true

require_relative "racecar/errors"
require_relative "racecar/instrumenter"
require_relative "racecar/config"
require_relative "racecar/message"
require_relative "racecar/producer"
require_relative "racecar/consumer"

# The names of the gem racecar. Consumer classes, their configuration and the commands `racecar` and `racecarctl` work as they stand;
# underneath are a route, the server and the producer of karafka-rs.
module Racecar
  # Loaded by the processes that run a consumer, not by those that only produce.
  autoload :Application, File.expand_path("racecar/application", __dir__)
  autoload :Cli, File.expand_path("racecar/cli", __dir__)
  autoload :Ctl, File.expand_path("racecar/ctl", __dir__)
  autoload :Daemon, File.expand_path("racecar/daemon", __dir__)
  autoload :Datadog, File.expand_path("racecar/datadog", __dir__)
  autoload :Delegate, File.expand_path("racecar/delegate", __dir__)
  autoload :Heroku, File.expand_path("racecar/heroku", __dir__)
  autoload :Hooks, File.expand_path("racecar/hooks", __dir__)
  autoload :LivenessProbe, File.expand_path("racecar/liveness_probe", __dir__)
  autoload :ParallelRunner, File.expand_path("racecar/parallel_runner", __dir__)
  autoload :Runner, File.expand_path("racecar/runner", __dir__)
  autoload :Work, File.expand_path("racecar/work", __dir__)

  # The last release whose names are here.
  VERSION = "2.12.0"
  LOCK = Monitor.new
  private_constant :LOCK

  class << self
    # @return [Config] made on first use: from `RACECAR_*`, config/racecar.yml and config/racecar.rb, of which the later one holds
    # @raise [KingKonf::ConfigError]
    def config
      @config || LOCK.synchronize { @config || make_config }
    end

    # @param config [Config, nil] nil: it is made again on its next use
    # @return [void]
    def config=(config)
      LOCK.synchronize do
        @producer&.close
        @producer = nil
        @config = config
      end
    end

    # @yieldparam config [Config]
    # @return [void]
    def configure
      yield config
    end

    # @return [Logger]
    def logger
      config.logger
    end

    # @param logger [Logger]
    # @return [void]
    def logger=(logger)
      config.logger = logger
    end

    # @return [Instrumenter]
    def instrumenter
      config.instrumenter
    end

    # @return [Producer] of this process; made on first use
    def producer
      @producer || LOCK.synchronize { @producer ||= Producer.new(config: config) }
    end

    # Sends a message and waits for the answer.
    # @see Producer#produce_sync
    # @return [void]
    # @raise [MessageDeliveryError]
    def produce_sync(...)
      producer.produce_sync(...)
    end

    # Sends a message without waiting. In a block of {wait_for_delivery} the end of that waits.
    # @see Producer#produce_async
    # @return [void]
    # @raise [MessageDeliveryError] there was no room for it
    def produce_async(...)
      producer.produce_async(...)
    end

    # Waits for all that this thread sends within the block.
    # @return [void]
    # @raise [MessageDeliveryError]
    def wait_for_delivery(&)
      producer.wait_for_delivery(&)
    end

    # Runs a consumer until a signal stops it.
    # @param processor [Consumer]
    # @return [Integer] exit status for the process
    def run(processor)
      config.load_consumer_class(processor.class)
      config.validate!
      workers = config.parallel_workers
      runner = Runner.new(processor, config: config, logger: logger, instrumenter: instrumenter)
      workers && workers > 1 ? ParallelRunner.new(runner: runner, config: config, logger: logger).run : runner.run
    end

    private

    # Kept before the files are read: config/racecar.rb asks for it.
    def make_config
      @config = Config.new
      @config.load_files
      @config
    rescue Exception # rubocop:disable Lint/RescueException -- raised again: half a configuration must not stay
      @config = nil
      raise
    end
  end
end

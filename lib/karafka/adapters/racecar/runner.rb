# frozen_string_literal: true

module Racecar
  # Runs one consumer in this process until a signal stops it: INT, TERM, QUIT. USR1 prints the configuration to standard error.
  class Runner
    # @return [Consumer]
    attr_reader :processor
    # @return [Config]
    attr_reader :config
    # @return [Logger]
    attr_reader :logger

    # @param processor [Consumer]
    # @param config [Config]
    # @param logger [Logger]
    # @param instrumenter [Instrumenter]
    def initialize(processor, config:, logger: config.logger, instrumenter: NullInstrumenter)
      @processor = processor
      @config = config
      @logger = logger
      @instrumenter = instrumenter
    end

    # @return [Integer] exit status for the process
    # @raise [Exception] what `process` raised, with `pause_timeout` 0
    def run
      config.load_consumer_class(processor.class) unless config.consumer_class
      config.validate!
      probe = config.liveness_probe if config.liveness_probe_enabled
      work = Work.new(processor, config: config, instrumenter: @instrumenter, probe: probe)
      Application.new(config, work).prepare
      hooks = Hooks.new(work, config: config, instrumenter: @instrumenter, probe: probe)
      work.hooks = hooks
      hooks.install
      start(work, probe)
    ensure
      hooks&.remove
      probe&.remove
    end

    # Begins the stop; callable from a trap.
    # @return [void]
    def stop
      Karafka::Server.stop
    end

    private

    def start(work, probe)
      probe&.touch
      without_effect
      processor.configure(producer: Racecar.producer, instrumenter: @instrumenter, config: config)
      @instrumenter.instrument("start_main_loop", {})
      status = printing_configuration { Karafka::Server.run }
      raise work.failure if work.failure

      status
    ensure
      teardown
    end

    # After the last batch, as the consumer may have kept something of it.
    def teardown
      processor.deliver!
    rescue MessageDeliveryError => e
      logger.error("#{processor.class}: #{e.message}")
    ensure
      begin
        processor.teardown
      ensure
        # What was sent without waiting is delivered, also where `teardown` raises.
        Racecar.producer.close
        logger.info("#{processor.class} has stopped")
      end
    end

    def printing_configuration
      before = trap("USR1") { $stderr.print(config.inspect, "\n") }
      yield
    ensure
      trap("USR1", before || "DEFAULT")
    end

    def without_effect
      return if config.multi_subscription_strategy == "round-robin"

      logger.warn("multi_subscription_strategy #{config.multi_subscription_strategy} has no effect: all topics take turns")
    end
  end
end

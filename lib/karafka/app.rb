# frozen_string_literal: true

require "monitor"

module Karafka
  # The application: its configuration and its routes. Used as it is (`Karafka::App.setup { }`), or as in Karafka 1.x by
  # a class of its own (`class KarafkaApp < Karafka::App`); a process has one application, so both are the same.
  class App
    # What the application consists of.
    State = Struct.new(:config, :routes, :initialized, :after_init) do
      # @return [State] as before `setup`
      def self.fresh
        new(Setup::Config.new, Routing::Builder.new, false, [])
      end
    end
    LOCK = ::Monitor.new
    private_constant :State, :LOCK

    # Names of what a server process is doing.
    STATUSES = %i[initializing initialized running supervising quieting quiet stopping stopped terminated].freeze

    class << self
      # Configures the application. May be called again; everything is checked at the end of the block.
      # @yieldparam config [Setup::Config]
      # @return [void]
      # @raise [Errors::InvalidConfigurationError]
      def setup(&block)
        raise ArgumentError, "setup takes a block: Karafka::App.setup { |config| … }" unless block

        block.call(config)
        config.validate!
      end

      # @return [Setup::Config]
      def config
        state.config
      end

      # @return [Routing::Builder] the consumer groups; `draw` adds to them
      def routes
        state.routes
      end
      # 1.x called the builder so.
      alias consumer_groups routes

      # @return [Hash{Routing::ConsumerGroup=>Array<Routing::SubscriptionGroup>}] what this process consumes
      def subscription_groups
        routes.select(&:active?).to_h { |group| [group, group.subscription_groups.select(&:active?)] }
      end

      # Checks the whole application and runs what {after_init} was given. Commands call it after the boot file;
      # applications of 1.x call it themselves at the end of it. Doing it twice does nothing.
      # @return [void]
      # @raise [Errors::InvalidConfigurationError]
      def boot!
        LOCK.synchronize do
          return if initialized?

          config.validate!
          Routing::Contract.new(routes).check!(classes_by_name: true)
          state.initialized = true
          state.after_init.each { |block| block.call(config) }
        end
        Instrumentation::Safely.instrument("app.initialized", {})
      end

      # @yieldparam config [Setup::Config] once the application is booted; at once if it is
      # @return [void]
      def after_init(&block)
        initialized? ? block.call(config) : state.after_init << block
      end

      # @return [Boolean] whether {boot!} was done
      def initialized?
        state.initialized
      end

      # Makes librdkafka and the logger say everything. Call it after `setup`.
      # @param contexts [String] librdkafka's debug contexts
      # @return [void]
      def debug!(contexts = "all")
        logger.level = ::Logger::DEBUG if logger.respond_to?(:level=)
        config.kafka[:debug] = contexts
        Setup::KafkaContract.check!(config.kafka)
      end

      # @return [Env]
      def env
        Karafka.env
      end

      # @return [Pathname]
      def root
        Karafka.root
      end

      # @return [Logger]
      def logger
        config.logger
      end

      # @return [Instrumentation::Monitor]
      def monitor
        config.monitor
      end

      # @return [WaterDrop::Producer] built on first use
      def producer
        config.producer
      end

      # @return [Hash{Routing::Topic=>Array<Integer>}] the partitions that this process has now
      def assignments
        Assignments.of(Server.state, Server.listeners)
      end

      # Karafka 1.2 had it for seeking before the first fetch.
      # @raise [Errors::UnsupportedFeatureError] always
      def before_fetch_loop
        raise Errors::UnsupportedFeatureError.for("before_fetch_loop", "Seek in the consumer: `seek(100)` in its first `consume`.")
      end

      # @raise [Errors::UnsupportedFeatureError]
      def declaratives
        raise Errors::UnsupportedFeatureError.for("Karafka::App.declaratives", "Declare with `config(partitions: 4)` in the topic.")
      end

      # Forgets configuration and routes. For tests, and for a reloading console.
      # @return [void]
      def reset!
        LOCK.synchronize { App.state = nil }
      end

      # @return [Symbol] what the server of this process is doing, one of {STATUSES}
      def status
        Server.status
      end

      (STATUSES - %i[initialized]).each { |name| define_method(:"#{name}?") { status == name } }

      # @return [Boolean] whether the server is on its way out, or has ended
      def done?
        %i[quieting quiet stopping stopped terminated].include?(status)
      end

      protected

      attr_writer :state

      # Held by App itself, whichever class it is asked of.
      def state
        return App.state unless equal?(App)

        @state || LOCK.synchronize { @state ||= State.fresh }
      end
    end
  end
end

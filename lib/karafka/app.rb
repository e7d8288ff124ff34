# frozen_string_literal: true

require "monitor"

module Karafka
  # The application: its configuration and its routes. Used as it is (`Karafka::App.setup { }`), or as in Karafka 1.x by
  # a class of its own (`class KarafkaApp < Karafka::App`); a process has one application, so both are the same.
  class App
    # What the application consists of.
    State = Struct.new(:config, :routes, :set_up, :booted, :after_init, :declaratives) do
      # @return [State] as before `setup`
      def self.fresh
        new(Setup::Config.new, Routing::Builder.new, false, false, [], Declaratives::Builder.new)
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

        Routing::Features::Base.active.each { |feature| feature.pre_setup(config) }
        block.call(config)
        config.validate!
        load_code unless Cli.running?
        state.set_up = true
        config.refresh_producer
        Routing::Features::Base.active.each { |feature| feature.post_setup(config) }
      end

      # Here rather than at the first message: that may be in a web request with a Timeout. Commands load what they need.
      # @return [void]
      # @api private
      def load_code
        Karafka.eager_load!
        Object.const_get(:WaterDrop)
      end

      # Draws the routes anew, with the settings as they are now. Karafka 1.x had it for reloaded code.
      # @return [void]
      def reload
        routes.reload
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
          return if booted?

          BootFile.check!
          raise Errors::InvalidConfigurationError, BootFile.absence unless initialized? || config.brokers?

          config.validate!
          # Built here, where it can say that KARAFKA_LOG_LEVEL is wrong.
          config.logger
          Routing::Contract.new(routes).check!(classes_by_name: true)
          declaratives.check!
          state.set_up = state.booted = true
          state.after_init.each { |block| block.call(config) }
        end
        Instrumentation::Safely.instrument("app.initialized", { caller: self })
      end

      # @yieldparam config [Setup::Config] once the application is booted; at once if it is
      # @return [void]
      def after_init(&block)
        booted? ? block.call(config) : state.after_init << block
      end

      # @return [Boolean] whether {setup} was done
      def initialized?
        state.set_up
      end

      # @return [Boolean] whether {boot!} was done
      # @api private
      def booted?
        state.booted
      end

      # Makes librdkafka and the logger say everything. Call it after `setup`.
      # @param contexts [String] librdkafka's debug contexts
      # @return [void]
      def debug!(contexts = "all")
        logger.level = ::Logger::DEBUG if logger.respond_to?(:level=)
        config.kafka[:debug] = contexts
        Setup::KafkaContract.check!(config.kafka)
        return unless config.producer? && config.producer.respond_to?(:debug!)

        # The same producer as before: it may have subscribers.
        connected = !config.producer.debug!(contexts)
        logger.warn("Karafka.producer is in use and keeps its settings: call debug! before its first message") if connected
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

      # @return [WaterDrop::Producer, nil] built on first use; nil before {setup}
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

      # @return [Declaratives::Builder] the topics that the cluster is to have; `draw` adds to them
      def declaratives
        state.declaratives
      end

      # Forgets configuration and routes. For tests, and for a reloading console.
      # @return [void]
      def reset!
        LOCK.synchronize { App.state = nil }
        BootFile.reset!
      end

      # As {Server.run}.
      # @return [Integer]
      def run!
        Server.run
      end

      # As {Server.stop}.
      # @return [void]
      def stop!
        Server.stop
      end

      # As {Server.quiet}.
      # @return [void]
      def quiet!
        Server.quiet
      end

      # For the process that is going to fork: `app.before_warmup`, Ruby's own `Process.warmup`, or what does the same where there is
      # none, `app.after_warmup`. Objects that stay are made old and put together, so that children share their memory for longer.
      # @return [void]
      def warmup
        Instrumentation::Safely.instrument("app.before_warmup", { caller: self })
        ::Process.respond_to?(:warmup) ? ::Process.warmup : compact
        Instrumentation::Safely.instrument("app.after_warmup", { caller: self })
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

      private

      # An object is old after three collections; what is freed in between goes first.
      def compact
        4.times { GC.start }
        GC.compact if GC.respond_to?(:compact)
      rescue NotImplementedError
        nil # This system's memory pages do not allow it.
      end

      protected

      attr_writer :state

      # Held by App itself, whichever class it is asked of.
      def state
        @state || (equal?(App) ? LOCK.synchronize { @state ||= State.fresh } : App.state)
      end
    end
  end
end

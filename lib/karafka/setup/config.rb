# frozen_string_literal: true

module Karafka
  module Setup
    # The settings of an application, as `App.setup { |config| … }` yields them. All times are in milliseconds.
    # Topics, subscription groups and consumer groups can override those that the routes know.
    class Config < Settings
      prepend Compat::ConfigNames

      # Back-off after a failed batch.
      class Pause < Settings
        routed :timeout, 1_000, :pause_timeout
        routed :max_timeout, 30_000, :pause_max_timeout
        routed :with_exponential_backoff, true, :pause_with_exponential_backoff
      end

      # What `Karafka::Admin` uses.
      class Admin < Settings
        setting :group_id, Types::NAME, "karafka_admin"
        setting :max_wait_time, Types::DELAY, 60_000
        setting :kafka, Types::KAFKA, -> { KafkaSettings.new({}, "config.admin.kafka") }
      end

      # Several processes from one.
      class Swarm < Settings
        setting :nodes, Types::THREADS, 3
        setting :node_report_timeout, Types::DELAY, 60_000
        setting :node_restart_timeout, Types::DELAY, 5_000
        setting :node_memory_limit, Types.optional(Types::MEGABYTES)

        # @return [Karafka::Swarm::Node, nil] which node this process is; nil in every other process, the supervisor too
        attr_accessor :node
      end

      # Commands for the process while it runs.
      class Control < Settings
        setting :socket, Types.optional(Types::FILE)

        # @return [void]
        # @raise [Errors::InvalidConfigurationError]
        # @api private
        def check!
          Setup::SocketPath.of(socket) if socket
        end
      end

      # Probes, metrics and state over HTTP.
      class Http < Settings
        setting :port, Types.optional(Types::PORT)
        setting :bind, Types::ADDRESS, "127.0.0.1"
        setting :socket, Types.optional(Types::FILE)
        setting :token, Types.optional_secret(Types::TOKEN)
        setting :ready_lag, Types.optional(Types::NATURAL)
        setting :polling_ttl, Types::DELAY, 60_000
        setting :consuming_ttl, Types.optional(Types::DELAY)
        setting :events_ttl, Types::DELAY, 300_000
        setting :partition_metrics, Types::BOOLEAN, true
        setting :registry, Types.optional(Types::REGISTRY)

        # @return [Boolean] whether it answers at all
        def on?
          !(port.nil? && socket.nil?)
        end

        # Each node of a swarm answers at a port of its own.
        # @param nodes [Integer]
        # @return [void]
        # @raise [Errors::InvalidConfigurationError]
        # @api private
        def check!(nodes)
          Setup::SocketPath.of(socket, setting: "config.http.socket") if socket
          last = 65_536 - nodes
          return if port.nil? || port <= last

          Setup.invalid!("config.http.port", port, "at most #{last}, so that #{nodes} nodes of a swarm have ports behind it")
        end

        # @return [Boolean] whether only this machine can ask
        # @api private
        def loopback?
          bind == "localhost" || bind == "::1" || bind.start_with?("127.")
        end
      end

      # Metrics for a StatsD or DogStatsD agent.
      class Statsd < Settings
        setting :host, Types.optional(Types::HOST)
        setting :port, Types::REMOTE_PORT, 8_125
        setting :socket, Types.optional(Types::FILE)
        setting :prefix, Types::PREFIX, "karafka"
        setting :tags, Types::TAGS, -> { [] }
        setting :tagged, Types::BOOLEAN, true
        setting :interval, Types::DELAY, 10_000

        # @return [Boolean] whether metrics are sent at all
        def on?
          !(host.nil? && socket.nil?)
        end

        # @param node [Integer, nil] of a swarm: its gauges are its own
        # @return [Hash{Symbol=>Object}] for the engine
        # @api private
        def to_native(node)
          { host: host || "127.0.0.1", port: port, socket: socket, prefix: prefix, tags: node ? [*tags, "node:#{node}"] : tags,
            tagged: tagged, interval_ms: interval }
        end
      end

      # Traces for an OpenTelemetry collector.
      class Tracing < Settings
        setting :endpoint, Types.optional(Types::COLLECTOR)
        setting :headers, Types::HEADERS, -> { {} }
        setting :service_name, Types.optional(Types::TEXT)
        setting :sample_rate, Types::SHARE, 1.0
        setting :max_queued_spans, Types::COUNT, 8_192
        setting :timeout, Types::DELAY, 10_000

        # @param config [Config]
        # @return [Hash{Symbol=>Object}] for the engine
        # @api private
        def to_native(config)
          node = config.swarm.node
          resource = { "service.name" => service_name || config.client_id, "host.name" => Etc.uname.fetch(:nodename),
                       "process.pid" => ::Process.pid.to_s, "process.runtime.name" => "ruby", "process.runtime.version" => RUBY_VERSION,
                       "telemetry.sdk.name" => "karafka-rs", "telemetry.sdk.version" => VERSION, "telemetry.sdk.language" => "rust" }
          resource["karafka.node"] = node.id.to_s if node
          { endpoint: endpoint, headers: headers.transform_values(&:to_s), resource: resource, sample_rate: sample_rate.to_f,
            max_queued_spans: max_queued_spans, timeout_ms: timeout }
        end
      end

      # Jobs of Active Job.
      class Jobs < Settings
        setting :deserializer, Types.optional(Types::JOB_DESERIALIZER)
      end

      # OAuth bearer tokens.
      class Oauth < Settings
        setting :token_provider_listener, Types.optional(Types::TOKENS)
      end

      setting :client_id, Types::NAME, "karafka"
      setting :group_id, Types::NAME, "app"
      setting :concurrency, Types::THREADS, 5
      routed :max_messages, 100
      routed :max_bytes, 4_194_304
      routed :max_wait_time, 0
      setting :shutdown_timeout, Types::SHUTDOWN, 60_000
      routed :initial_offset, "earliest"
      routed :new_partitions, "earliest"
      routed :on_topic_recreated, :beginning
      setting :missing_topic_error_after, Types::OPTIONAL_DELAY, 60_000
      routed :consumer_persistence, true
      routed :manual_offset_management, false
      setting :strict_topics_namespacing, Types::BOOLEAN, true
      setting :strict_declarative_topics, Types::BOOLEAN, false
      setting :logger, Types::LOGGER, -> { Instrumentation::Logger.new }
      setting :log_format, Types.one_of(:text, :json), :text
      setting :monitor, Types::MONITOR, -> { Instrumentation::Monitor.new }
      routed :backend, :inline
      setting :topic_mapper, Types.optional(Types::TOPIC_MAPPER), -> { Routing::TopicMapper.new }
      setting :consumer_mapper, Types.optional(Types::CALLABLE), -> { :itself.to_proc }
      routed :batch_fetching, true
      routed :batch_consuming, true
      setting :deserializer, Types.optional(Types::DESERIALIZER), -> { Deserializers::Set.default(:payload) }
      setting :serializer, Types.optional(Types::SERIALIZER), -> { Serializers::Json::Serializer.default }
      setting :worker_thread_priority, Types::THREAD_PRIORITY, 0
      routed :priority, 10
      routed :idle_after, 10_000
      routed :long_running_limit, nil
      setting :stuck_report_after, Types::OPTIONAL_DELAY, 60_000
      setting :revocation_grace, Types::MILLISECONDS, 30_000
      setting :max_queued_bytes, Types::OPTIONAL_COUNT, 67_108_864
      setting :offset_recommit_interval, Types::OPTIONAL_DELAY, 21_600_000
      nested :pause, Pause
      nested :admin, Admin
      nested :swarm, Swarm
      nested :oauth, Oauth
      nested :active_job, Jobs
      nested :control, Control
      nested :http, Http
      nested :statsd, Statsd
      nested :tracing, Tracing

      @platforms = []

      class << self
        # As {App.config}, which 1.x also called so.
        # @return [Config]
        def config = App.config

        # As {App.setup}, which 1.x also called so.
        # @return [void]
        def setup(&) = App.setup(&)

        # Where an application runs may decide about its settings: each gets `apply(config)` before they are checked, and
        # `apply_to_producer(config)` before the application's producer is built.
        # @return [Array<#apply, #apply_to_producer>] such as {Karafka::Heroku}
        # @api private
        attr_reader :platforms
      end

      def initialize
        super("config")
        @producer = ApplicationProducer.new(self)
        self.kafka = {}
      end

      # @yieldparam kafka [KafkaSettings] as in Karafka 1.x
      # @return [KafkaSettings] settings of librdkafka, for consumers and producers alike
      def kafka
        yield @kafka if block_given?
        @kafka
      end

      # @param settings [Hash{Symbol, String=>Object}] replaces the settings made before
      # @return [void]
      def kafka=(settings)
        @kafka = KafkaSettings.new(settings) do |name, value|
          Compat::KafkaNames.not_for_producers!(name)
          public_send(:"#{name}=", value)
        end
      end

      # Without a block: the producer of the application, built on first use. With a block: how it is to be built.
      # @yieldparam producer_config [Object] settings of the producer; `kafka` is filled in already
      # @return [WaterDrop::Producer, nil] nil before the application is set up
      def producer(&block)
        block ? @producer.customise(block) : @producer.get
      end

      # @param producer [WaterDrop::Producer]
      # @return [void]
      def producer=(producer)
        @producer.assign(Types::PRODUCER.check("config.producer", producer))
      end

      # @return [Boolean] whether there is a producer already
      def producer?
        @producer.made?
      end

      # Says that settings changed, which the producer may have been built from.
      # @return [void]
      # @api private
      def refresh_producer
        @producer.refresh
      end

      # @return [void]
      # @raise [Errors::InvalidConfigurationError]
      def validate!
        self.class.platforms.each { |platform| platform.apply(self) }
        if pause.timeout > pause.max_timeout
          Setup.invalid!("config.pause.timeout", pause.timeout, "at most config.pause.max_timeout (#{pause.max_timeout})")
        end
        # First: a misspelt "bootstrap.servers" is to be called misspelt, not missing.
        check_clients!
        control.check!
        http.check!(swarm.nodes)
        format_log
        return if brokers?

        raise Errors::InvalidConfigurationError,
              "config.kafka has no \"bootstrap.servers\": set config.kafka = { \"bootstrap.servers\": \"host:9092\" }. " \
              "`karafka broker` starts a Kafka for development and prints its address."
      end

      def check_clients!
        KafkaContract.check!(kafka, whole: true)
        KafkaContract.check!(admin.kafka)
        Karafka::Oauth::Settings.check!(kafka, oauth.token_provider_listener)
      end

      # A logger of the application's own writes the lines of others as well, so its format is changed by whoever made it.
      def format_log
        return if log_format == :text
        return logger.formatter = Instrumentation::JsonFormatter.new if logger.is_a?(Instrumentation::Logger)
        return if logger.respond_to?(:formatter) && logger.formatter.is_a?(Instrumentation::JsonFormatter)

        Setup.invalid!("config.log_format", log_format,
                       ":text beside a config.logger that is a #{logger.class}: set config.logger to " \
                       "Karafka::Instrumentation::Logger.new, or give yours the formatter Karafka::Instrumentation::JsonFormatter.new")
      end
      private :check_clients!, :format_log

      # @return [Boolean] whether it says where Kafka is
      # @api private
      def brokers?
        !kafka.brokers.empty?
      end

      # @return [Hash{Symbol=>Object}] for people: what is secret is hidden
      def to_display
        to_h.except(:logger, :monitor).merge(kafka: kafka.to_display)
      end
    end
  end
end

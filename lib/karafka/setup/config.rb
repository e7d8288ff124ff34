# frozen_string_literal: true

module Karafka
  module Setup
    # The settings of an application, as `App.setup { |config| … }` yields them. All times are in milliseconds.
    # Topics, subscription groups and consumer groups can override those that the routes know.
    class Config < Settings
      prepend Compat::ConfigNames

      # Back-off after a failed batch.
      class Pause < Settings
        setting :timeout, Types::DELAY, 1_000
        setting :max_timeout, Types::DELAY, 30_000
        setting :with_exponential_backoff, Types::BOOLEAN, true
      end

      # What `Karafka::Admin` uses.
      class Admin < Settings
        setting :group_id, Types::NAME, "karafka_admin"
        setting :max_wait_time, Types::DELAY, 60_000
        setting :kafka, Types::HASH, -> { {} }
      end

      # Several processes from one.
      class Swarm < Settings
        setting :nodes, Types::COUNT, 3
      end

      # OAuth bearer tokens.
      class Oauth < Settings
        setting :token_provider_listener,
                Type.new("nil") { |value| value.nil? || raise(NotYet.error(:config, :"oauth.token_provider_listener")) }
      end

      setting :client_id, Types::NAME, "karafka"
      setting :group_id, Types::NAME, "app"
      setting :concurrency, Types::THREADS, 5
      setting :max_messages, Types::COUNT, 100
      setting :max_bytes, Types::COUNT, 1_048_576
      setting :max_wait_time, Types::MILLISECONDS, 0
      setting :shutdown_timeout, Types::SHUTDOWN, 60_000
      setting :initial_offset, Types::OFFSET, "earliest"
      setting :consumer_persistence, Types::BOOLEAN, true
      setting :manual_offset_management, Types::BOOLEAN, false
      setting :strict_topics_namespacing, Types::BOOLEAN, true
      setting :strict_declarative_topics,
              Type.new("false") { |value| value == false || raise(NotYet.error(:config, :strict_declarative_topics)) }, false
      setting :logger, Types::LOGGER, -> { Instrumentation::Logger.new }
      setting :monitor, Types::MONITOR, -> { Instrumentation::Monitor.new }
      setting :backend, Types::BACKEND, :inline
      setting :topic_mapper, Types.optional(Types::TOPIC_MAPPER), nil
      setting :consumer_mapper, Types.optional(Types::CALLABLE), nil
      setting :batch_fetching, Types::BOOLEAN, true
      setting :batch_consuming, Types::BOOLEAN, true
      setting :deserializer, Types.optional(Types::DESERIALIZER), nil
      setting :serializer, Types.optional(Types::SERIALIZER), nil
      setting :worker_thread_priority, Types::THREAD_PRIORITY, 0
      setting :priority, Types::PRIORITY, 10
      setting :idle_after, Types::DELAY, 10_000
      setting :long_running_limit, Types::LIMIT, nil
      setting :stuck_report_after, Types::OPTIONAL_DELAY, 60_000
      setting :revocation_grace, Types::MILLISECONDS, 5_000
      setting :max_queued_bytes, Types::OPTIONAL_COUNT, 268_435_456
      setting :offset_recommit_interval, Types::OPTIONAL_DELAY, 21_600_000
      nested :pause, Pause
      nested :admin, Admin
      nested :swarm, Swarm
      nested :oauth, Oauth

      def initialize
        super("config")
        @producer_customisation = nil
        @producer = nil
        @producer_lock = Mutex.new
        self.kafka = {}
      end

      # @yieldparam kafka [KafkaSettings] as in Karafka 1.x
      # @return [KafkaSettings] settings of librdkafka, for consumers and producers alike
      def kafka
        yield @kafka if block_given?
        @kafka
      end

      # @param settings [Hash{Symbol, String=>Object}] replaces what was there
      # @return [void]
      def kafka=(settings)
        @kafka = KafkaSettings.new(settings) do |name, value|
          Compat::KafkaNames.not_for_producers!(name)
          public_send(:"#{name}=", value)
        end
      end

      # Without a block: the producer of the application, built on first use. With a block: how it is to be built.
      # @yieldparam producer_config [Object] settings of the producer; `kafka` is filled in already
      # @return [WaterDrop::Producer, nil]
      def producer(&block)
        return @producer_customisation = block if block

        @producer_lock.synchronize { @producer ||= build_producer }
      end

      # @param producer [WaterDrop::Producer]
      # @return [void]
      def producer=(producer)
        @producer = Types::PRODUCER.check("config.producer", producer)
      end

      # @return [Boolean] whether there is a producer already
      def producer?
        !@producer.nil?
      end

      # @return [void]
      # @raise [Errors::InvalidConfigurationError]
      def validate!
        if pause.timeout > pause.max_timeout
          Setup.invalid!("config.pause.timeout", pause.timeout, "at most config.pause.max_timeout (#{pause.max_timeout})")
        end
        longest = Integer(kafka[:"max.poll.interval.ms"] || 300_000, exception: false)
        if longest && revocation_grace >= longest
          Setup.invalid!("config.revocation_grace", revocation_grace, "below kafka \"max.poll.interval.ms\" (#{longest}), or the group " \
                                                                      "goes on without this process while it waits")
        end
        # First: a misspelt "bootstrap.servers" is to be called misspelt, not missing.
        KafkaContract.check!(kafka)
        return unless kafka[:"bootstrap.servers"].to_s.strip.empty?

        raise Errors::InvalidConfigurationError,
              "config.kafka has no \"bootstrap.servers\": set config.kafka = { \"bootstrap.servers\": \"host:9092\" }. " \
              "`karafka broker` starts a Kafka for development and prints its address."
      end

      # @return [Hash{Symbol=>Object}] for people: what is secret is hidden
      def to_display
        to_h.except(:logger, :monitor).merge(kafka: kafka.to_display)
      end

      private

      def build_producer
        raise Errors::UnsupportedFeatureError.for("Karafka.producer (WaterDrop)") unless defined?(WaterDrop::Producer)

        settings = AttributesMap.producer(kafka)
        settings[:"client.id"] ||= client_id
        application = self
        WaterDrop::Producer.new do |config|
          config.kafka = settings
          config.logger = application.logger
          application.send(:customise_producer, config)
        end
      end

      def customise_producer(config)
        @producer_customisation&.call(config)
      end
    end
  end
end

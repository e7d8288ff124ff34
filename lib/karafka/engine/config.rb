# frozen_string_literal: true

module Karafka
  class Engine
    # Configuration and routes in the form that `Native::Engine.new` takes, and the way back: which subscription group
    # and which topic of the routes the indexes of a lease stand for.
    class Config
      # Where librdkafka's defaults do not suit the engine. A user's `config.kafka` goes before. Adapters have an engine of their own.
      KAFKA_DEFAULTS = {
        # 1000 stalls a fast consumer each time its local queue is full.
        "fetch.queue.backoff.ms" => "10",
        # While a busy partition's queue is full the broker keeps a request for the idle ones waiting for this time. librdkafka's 500 let
        # it stand still for that time; less costs an idle process CPU.
        "fetch.wait.max.ms" => "50",
        # Counts per partition, since each has a queue of its own; librdkafka's default is 64 MB. Four answers: a partition that is full
        # is left out of the next request, and has to have work until that is answered.
        "queued.max.messages.kbytes" => "16384"
      }.freeze

      # An answer of a broker stays in memory until the last of its messages is copied, whichever partitions they are of;
      # librdkafka's 50 MB would be most of the bound. When fetching stops each group may get one more from each broker, so
      # with many groups it is less. Larger where messages may be larger. A broker cuts an answer within a producer's batch and sends
      # that batch again: four of librdkafka's largest, which end below 1,000,000 bytes, or of 1,000,000 bytes each, fit in.
      FETCH_MAX_BYTES = 1_010_000..4_010_000
      # Answers under way of all groups are to be at most such a part of the bound, with one broker.
      ANSWERS_PART = 2
      # Two names of one setting.
      PARTITION_FETCHES = %w[fetch.message.max.bytes max.partition.fetch.bytes].freeze
      LARGER_FETCHES = ["message.max.bytes", *PARTITION_FETCHES].freeze

      # What `statistics.emitted` and the metrics listeners live on. Off where nobody listens: it is expensive.
      STATISTICS_INTERVAL_MS = "5000"

      # Members hear of a rebalance by their heartbeats, so what a member has left or given up waits for this time. librdkafka's 3000 is
      # for clients where a heartbeat costs more. With KIP-848 the broker decides, and librdkafka refuses the setting.
      HEARTBEAT_INTERVAL_MS = "500"

      # A topic of the routes that is missing is asked for more often by the engine itself. What matches a pattern is found by listing
      # the whole cluster's topics only.
      PATTERN_INTERVAL_MS = "60000"
      # Outside of production topics come and go, and the one who made them waits.
      DEVELOPMENT = { "allow.auto.create.topics" => "true", "topic.metadata.refresh.interval.ms" => "5000" }.freeze

      # librdkafka's own default.
      MAX_POLL_INTERVAL_MS = 300_000
      # The first partition may take two heartbeats of KIP-848 to come, 5 seconds each by default.
      LEAST_SCALE_DELAY_MS = 10_000
      # Gives consumers their tokens.
      TOKENS = Oauth::Listeners.new do |name, payload|
        if name == "error.occurred" then Instrumentation::Safely.error(payload[:error], payload[:type], caller: payload[:caller])
        else
          Instrumentation::Safely.instrument(name, payload)
        end
      end
      private_constant :TOKENS, :FETCH_MAX_BYTES, :ANSWERS_PART, :LARGER_FETCHES, :PARTITION_FETCHES,
                       :STATISTICS_INTERVAL_MS, :HEARTBEAT_INTERVAL_MS, :MAX_POLL_INTERVAL_MS, :LEAST_SCALE_DELAY_MS,
                       :PATTERN_INTERVAL_MS, :DEVELOPMENT

      # @return [Array<Routing::SubscriptionGroup>] in the order of the engine's groups
      attr_reader :subscription_groups

      # @param app [Class<App>]
      # @raise [Errors::InvalidConfigurationError] there is nothing to consume
      def initialize(app = App)
        @config = app.config
        @subscription_groups = app.routes.subscription_groups.select(&:active?).freeze
        @topics = @subscription_groups.map(&:active_topics).freeze
        return unless @subscription_groups.empty?

        raise Errors::InvalidConfigurationError,
              "There is nothing to consume. Draw at least one active topic: Karafka::App.routes.draw { topic(:name) { consumer Klass } }"
      end

      # @param group_index [Integer] of a lease
      # @return [Routing::SubscriptionGroup]
      def subscription_group(group_index)
        @subscription_groups.fetch(group_index)
      end

      # @param group_index [Integer] of a lease
      # @param topic_index [Integer] of a lease
      # @return [Routing::Topic]
      def topic(group_index, topic_index)
        @topics.fetch(group_index).fetch(topic_index)
      end

      # @return [Hash{Symbol=>Object}] exactly what the engine takes
      def to_h
        {
          revocation_grace_ms: @config.revocation_grace,
          stuck_report_ms: @config.stuck_report_after || nil,
          max_queued_bytes: @config.max_queued_bytes || nil,
          throttles: throttles.map { |throttle| { limit: throttle.limit, interval_ms: throttle.interval } },
          groups: @subscription_groups.zip(@topics).map { |group, topics| group_hash(group, topics) }
        }
      end

      # From now on changes of the routes' rate limits reach this engine.
      # @param engine [Engine]
      # @return [void]
      def attach(engine)
        throttles.each_with_index do |throttle, index|
          throttle.attach { |limit, interval| engine.set_throttle(index, limit, interval) }
        end
      end

      # @return [Integer] how many workers there are to be: `concurrency`, and more where one partition may have more
      def concurrency
        limits = @topics.flatten.filter_map { |topic| topic.parallel&.limit }
        [@config.concurrency, *limits].max
      end

      # @param group [Routing::SubscriptionGroup]
      # @return [Hash{String=>String}] all settings of librdkafka of that group's client
      def kafka(group)
        settings = Setup::KafkaSettings.new(Setup::AttributesMap.consumer(group.kafka_settings)).to_librdkafka
        complete = KAFKA_DEFAULTS.merge("client.id" => @config.client_id).merge(settings)
        statistics(complete, group)
        sessions(complete) unless complete["group.protocol"]&.casecmp?("consumer")
        commits(complete)
        fetches(complete)
        new_topics(complete, group)
        complete["group.id"] = group.consumer_group_id
        complete["auto.offset.reset"] = group.initial_offset
        static_membership(complete, group)
        scaling_delay(complete, group)
        require_brokers(complete, group)
        Oauth::Settings.for_engine(complete, @config.oauth.token_provider_listener, TOKENS)
      end

      private

      # How soon topics are found that come later.
      def new_topics(settings, group)
        settings.replace(DEVELOPMENT.merge(settings)) unless Karafka.env.production?
        settings["topic.metadata.refresh.interval.ms"] ||= PATTERN_INTERVAL_MS if group.active_topics.any?(&:pattern?)
      end

      # Where heartbeats are the user's, so is the session, which has to be longer.
      def sessions(complete)
        given = complete.key?("session.timeout.ms") || complete.key?("heartbeat.interval.ms")
        short = !given && BuiltInBroker.at?(complete["bootstrap.servers"])
        complete["session.timeout.ms"] = BuiltInBroker::SESSION_TIMEOUT_MS.to_s if short
        complete["heartbeat.interval.ms"] ||= heartbeat(complete)
      end

      # Kafka's own advice: a third of the session at most.
      def heartbeat(settings)
        third = (settings["session.timeout.ms"] || (HEARTBEAT_INTERVAL_MS.to_i * 3)).to_i / 3
        [HEARTBEAT_INTERVAL_MS.to_i, [third, 1].max].min.to_s
      end

      # `enable.auto.commit: false` asks for no commits by interval. The ends of partitions are always asked for.
      def commits(settings)
        settings.delete("enable.partition.eof")
        automatic = %w[enable.auto.commit auto.commit.enable].filter_map { |name| settings.delete(name) }
        settings["auto.commit.interval.ms"] = "0" if automatic.any? { |value| %w[false f 0].include?(value.downcase) }
      end

      def statistics(settings, group)
        wanted = @config.monitor.listening?("statistics.emitted") || group.topics.any?(&:inline_insights?)
        interval = settings["statistics.interval.ms"] ||= (STATISTICS_INTERVAL_MS if wanted)
        settings.compact!
        required = group.active_topics.find(&:insights_required?)
        return unless required && interval.to_i.zero?

        Setup.invalid!("statistics.interval.ms of #{required.name}", interval,
                       "at least 1: its `inline_insights required: true` waits for statistics")
      end

      def group_hash(group, topics)
        settings = kafka(group)
        {
          id: group.id, kafka: settings, topics: topics.map { |topic| topic_hash(topic, settings) },
          recommit_interval_ms: @config.offset_recommit_interval || nil, multiplexing: group.scaling,
          skip_new_partitions: group.skip_new_partitions?, missing_error_after_ms: @config.missing_topic_error_after || nil
        }
      end

      def topic_hash(topic, settings)
        {
          name: (topic.subscription_name unless topic.pattern?),
          pattern: (topic.name if topic.pattern?),
          max_messages: topic.max_messages,
          max_bytes: topic.max_bytes,
          max_wait_time_ms: topic.max_wait_time,
          eofed: topic.eofed,
          pause_timeout_ms: topic.pause_timeout,
          pause_max_timeout_ms: topic.pause_max_timeout,
          pause_with_exponential_backoff: topic.pause_with_exponential_backoff,
          attempts_per_message: topic.dead_letter_queue.independent? || !topic.batch_consuming,
          selection: selection_hash(topic),
          idle_after_ms: topic.periodic || (topic.idle_after if idles?(topic)),
          long_running_limit_ms: limit(topic, settings),
          priority: topic.priority,
          assign: topic.assign,
          on_recreated: topic.on_topic_recreated.to_s,
          parallel: topic.parallel&.to_h
        }
      end

      def selection_hash(topic)
        {
          delay_by_ms: topic.delay_by || 0, expire_after_ms: topic.expire_after, only: topic.only&.to_h,
          throttles: topic.throttles.map { |throttle| throttles.index { |known| known.equal?(throttle) } }
        }
      end

      def throttles
        @throttles ||= @topics.flatten.flat_map(&:throttles).uniq(&:object_id)
      end

      # Without such a method there is nothing to call, and no timer runs.
      def idles?(topic)
        topic.consumer.instance_method(:idle).owner != BaseConsumer
      end

      def limit(topic, settings)
        limit = topic.long_running_limit
        limit.nil? ? Integer(settings["max.poll.interval.ms"] || MAX_POLL_INTERVAL_MS) : limit || nil
      end

      # With KIP-848 partitions move a heartbeat of the broker's (5 s) after another: a connection that is still waiting for its
      # first one would go as needless, and would not be tried again.
      def scaling_delay(settings, group)
        return if group.scaling.nil? || group.connections.scale_delay >= LEAST_SCALE_DELAY_MS
        return unless settings["group.protocol"]&.casecmp?("consumer")

        Setup.invalid!("multiplexing scale_delay of #{group.topics.map(&:name).join(", ")}", group.connections.scale_delay,
                       "at least #{LEAST_SCALE_DELAY_MS} ms with \"group.protocol\": \"consumer\": partitions may take that long to move")
      end

      # One partition may have all of an answer, so that each answer is cut once.
      def fetches(settings)
        settings["fetch.max.bytes"] ||= fetch_max_bytes(settings)
        return if PARTITION_FETCHES.any? { |name| settings.key?(name) }

        settings["max.partition.fetch.bytes"] = [Integer(settings["fetch.max.bytes"]), FETCH_MAX_BYTES.end].min.to_s
      end

      # librdkafka refuses one that is smaller than `message.max.bytes`.
      def fetch_max_bytes(settings)
        part = @config.max_queued_bytes ? @config.max_queued_bytes / ANSWERS_PART / @subscription_groups.size : FETCH_MAX_BYTES.end
        [part.clamp(FETCH_MAX_BYTES), *settings.values_at(*LARGER_FETCHES).compact.map { |value| Integer(value) }].max.to_s
      end

      def static_membership(settings, group)
        return unless settings["group.instance.id"]

        if group.scaling
          raise Errors::InvalidConfigurationError,
                "\"group.instance.id\" does not go with multiplexing between #{group.connections.min} and #{group.connections.max} " \
                "connections (#{group.topics.map(&:name).join(", ")}): a static member that goes stays in the group for the session " \
                "timeout. Leave min and boot out."
        end

        settings["group.instance.id"] = group.instance_id
      end

      # A topic's own `kafka` without `inherit: true` replaces everything, the brokers too.
      def require_brokers(settings, group)
        return unless settings.values_at("bootstrap.servers", "metadata.broker.list").join.strip.empty?

        raise Errors::InvalidConfigurationError,
              "The topics #{group.topics.map(&:name).join(", ")} have no \"bootstrap.servers\": set config.kafka, and add " \
              "`inherit: true` where a topic has kafka settings of its own."
      end
    end
  end
end

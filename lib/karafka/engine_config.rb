# frozen_string_literal: true

module Karafka
  # Configuration and routes in the form that `Native::Engine.new` takes, and the way back: which subscription group
  # and which topic of the routes the indexes of a lease stand for.
  class EngineConfig
    # Where librdkafka's defaults do not suit the engine. A user's `config.kafka` goes before.
    KAFKA_DEFAULTS = {
      # 1000 stalls a fast consumer each time its local queue is full.
      "fetch.queue.backoff.ms" => "10",
      # Counts per partition, since each has a queue of its own; librdkafka's default is 64 MB.
      "queued.max.messages.kbytes" => "4096",
      # A small message costs librdkafka ten times its size, so the bytes alone bound nothing.
      "queued.min.messages" => "20000"
    }.freeze

    # What `statistics.emitted` and the metrics listeners live on. Off where nobody listens: it is expensive.
    STATISTICS_INTERVAL_MS = "5000"

    # Members hear of a rebalance by their heartbeats, so what a member has left or given up waits so long. librdkafka's 3000 is
    # for clients where a heartbeat costs more. With KIP-848 the broker decides, and librdkafka refuses the setting.
    HEARTBEAT_INTERVAL_MS = "500"

    # librdkafka's own default.
    MAX_POLL_INTERVAL_MS = 300_000
    # The first partition may take two heartbeats of KIP-848 to come, 5 seconds each by default.
    LEAST_SCALE_DELAY_MS = 10_000
    private_constant :KAFKA_DEFAULTS, :STATISTICS_INTERVAL_MS, :HEARTBEAT_INTERVAL_MS, :MAX_POLL_INTERVAL_MS, :LEAST_SCALE_DELAY_MS

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
      settings = Setup::KafkaSettings.new(Setup::AttributesMap.consumer(group.kafka)).to_librdkafka
      complete = KAFKA_DEFAULTS.merge("client.id" => @config.client_id).merge(settings)
      complete["statistics.interval.ms"] ||= STATISTICS_INTERVAL_MS if @config.monitor.listening?("statistics.emitted")
      complete["heartbeat.interval.ms"] ||= HEARTBEAT_INTERVAL_MS unless complete["group.protocol"]&.casecmp?("consumer")
      complete["group.id"] = group.consumer_group_id
      complete["auto.offset.reset"] = group.initial_offset
      static_membership(complete, group)
      scaling_delay(complete, group)
      require_brokers(complete, group)
      complete
    end

    private

    def group_hash(group, topics)
      settings = kafka(group)
      {
        id: group.id, kafka: settings, topics: topics.map { |topic| topic_hash(topic, settings) },
        recommit_interval_ms: @config.offset_recommit_interval || nil, multiplexing: group.scaling
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
        idle_after_ms: (topic.idle_after if idles?(topic)),
        long_running_limit_ms: limit(topic, settings),
        priority: topic.priority,
        assign: topic.assign,
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
                     "at least #{LEAST_SCALE_DELAY_MS} ms with \"group.protocol\": \"consumer\": so long partitions may take to move there")
    end

    # Two clients of one group with the same instance id would fence each other off.
    def static_membership(settings, group)
      template = settings["group.instance.id"] or return

      if group.scaling
        raise Errors::InvalidConfigurationError,
              "\"group.instance.id\" does not go with multiplexing between #{group.connections.min} and #{group.connections.max} " \
              "connections (#{group.topics.map(&:name).join(", ")}): a static member that goes stays in the group for the session " \
              "timeout. Leave min and boot out."
      end

      place = [group.position, group.client].compact
      place = [] if place.all?(&:zero?)
      settings["group.instance.id"] = [Setup::InstanceId.resolve(template), *place].join("_")
    end

    # A topic's own `kafka` without `inherit: true` replaces everything, the brokers too.
    def require_brokers(settings, group)
      return unless settings["bootstrap.servers"].to_s.strip.empty?

      raise Errors::InvalidConfigurationError,
            "The topics #{group.topics.map(&:name).join(", ")} have no \"bootstrap.servers\": set config.kafka, and add " \
            "`inherit: true` where a topic has kafka settings of its own."
    end
  end
end

# frozen_string_literal: true

module Kafka
  # One run of a consumer: an engine of its own, from joining the group to leaving it. Its leases are taken in the caller's thread.
  # @api private
  class Session
    # What a topic was subscribed with.
    Subscription = Struct.new(:topic, :default_offset, :max_bytes)

    # As Kafka's own consumers: a message that takes longer makes the process leave the group, so that others take over. In each_message
    # only; of a batch ruby-kafka asks no more than a heartbeat, and those the engine sends.
    MESSAGE_LIMIT_MS = 300_000
    # Messages that cross together. A batch has at most as many as max_bytes_per_partition has kilobytes: the collector goes through all
    # of a batch again and again, so of small messages a megabyte costs twice the CPU.
    MESSAGES = 1_000
    KILOBYTE = 1_024
    # The last commits, leaving the group and the end of the clients, ms.
    CLOSE_MS = 15_000
    # Of an answer of a broker, which one partition may have all of: as in {Karafka::Engine::Config}.
    FETCH_BYTES = 1_010_000..4_010_000
    PATTERN_REFRESH_SECONDS = 60
    # How late a signal may be, seconds.
    SIGNALS = 0.1
    private_constant :MESSAGES, :KILOBYTE, :CLOSE_MS, :FETCH_BYTES, :PATTERN_REFRESH_SECONDS, :SIGNALS

    # What the caller of each_message or each_batch wants.
    Fetching = Struct.new(:min_bytes, :max_bytes, :max_wait_time, :batches, keyword_init: true)

    # @return [Error, nil] why it has ended
    attr_reader :failure
    # @return [Integer] who has made it
    attr_reader :pid

    # @param settings [Settings]
    # @param options [Consumer::Options]
    # @param subscriptions [Array<Subscription>]
    # @param fetching [Fetching]
    # @raise [ArgumentError]
    def initialize(settings, options, subscriptions, fetching)
      @settings = settings
      @options = options
      @fetching = fetching
      @pid = Process.pid
      @engine = ErrorNames.translated { Karafka::Engine.new(config(subscriptions)) }
    end

    # @return [void]
    # @raise [Error]
    def start
      ErrorNames.translated { @engine.start }
      @events = Events.new(@engine, self, @settings, @options.group_id).start
      @signals = watch_signals if RUBY_VERSION < "3.3"
    end

    # @return [Karafka::Native::Lease, nil] nil: there will be none
    def take = ErrorNames.translated { @engine.take }

    # From any thread, and from a trap.
    # @return [void]
    def stop = @engine.stop

    # Ends the run with an error.
    # @param error [Error]
    # @return [void]
    def fail(error)
      @failure ||= error
      stop
    end

    # Commits what is marked and leaves the group.
    # @return [void]
    def close
      deadline = Karafka::Clock.now_ms + CLOSE_MS
      @engine.stop_within(Karafka::TimeBudget.new(CLOSE_MS))
      # The last leases of the partitions; nobody processes anything any more.
      while (lease = @engine.take)
        lease.release
      end
      left = [(deadline - Karafka::Clock.now_ms).ceil, 1].max
      @settings.logger.warn("the group #{@options.group_id} was not left within #{CLOSE_MS} ms") unless @engine.join(left)
      @events&.finish
      @signals&.kill
    end

    private

    # Until Ruby 3.3 a signal gets to a main thread that waits in the engine only where another thread goes to sleep in Ruby itself
    # after the last one that did has woken.
    def watch_signals
      Thread.new do
        Thread.current.name = "kafka.signals"
        loop { sleep SIGNALS }
      end
    end

    def config(subscriptions)
      app = Karafka::App.config
      {
        revocation_grace_ms: app.revocation_grace, stuck_report_ms: app.stuck_report_after || nil,
        max_queued_bytes: app.max_queued_bytes || nil, throttles: [],
        groups: subscriptions.group_by(&:default_offset).map { |offset, topics| group(offset, topics, app) }
      }
    end

    def group(offset, topics, app)
      {
        id: "#{@options.group_id}/#{offset}", kafka: kafka(offset, topics), topics: topics.map { |subscription| topic(subscription, app) },
        recommit_interval_ms: app.offset_recommit_interval || nil, multiplexing: nil, skip_new_partitions: false,
        missing_error_after_ms: app.missing_topic_error_after || nil
      }
    end

    def topic(subscription, app)
      pattern = subscription.topic.is_a?(Regexp)
      {
        name: (subscription.topic unless pattern), pattern: (Karafka::Routing::PosixRegexp.posix(subscription.topic) if pattern),
        max_messages: @fetching.batches ? [MESSAGES, subscription.max_bytes / KILOBYTE].max : MESSAGES,
        max_bytes: subscription.max_bytes, max_wait_time_ms: 0, eofed: false,
        pause_timeout_ms: app.pause_timeout, pause_max_timeout_ms: app.pause_max_timeout, pause_with_exponential_backoff: false,
        selection: { delay_by_ms: 0, expire_after_ms: nil, only: nil, throttles: [] }, idle_after_ms: nil,
        long_running_limit_ms: (MESSAGE_LIMIT_MS unless @fetching.batches), priority: 10, assign: nil, on_recreated: "beginning",
        attempts_per_message: false, parallel: nil
      }
    end

    def kafka(offset, topics)
      given = @settings.librdkafka(fetches(topics).merge(@options.kafka))
      complete = Karafka::Engine::Config::KAFKA_DEFAULTS.merge(given)
      complete["auto.offset.reset"] = offset.to_s
      Karafka::Oauth::Settings.for_engine(complete, @settings.tokens, tokens)
    end

    def fetches(topics)
      wait_ms = (@fetching.max_wait_time * 1_000).round if @fetching.min_bytes > 1
      refresh = @options.refresh_topic_interval
      refresh = PATTERN_REFRESH_SECONDS if refresh.zero? && topics.any? { |subscription| subscription.topic.is_a?(Regexp) }
      most = [@fetching.max_bytes.clamp(FETCH_BYTES), *topics.map(&:max_bytes)].max
      {
        "fetch.min.bytes" => @fetching.min_bytes, "fetch.wait.max.ms" => wait_ms,
        "fetch.max.bytes" => most, "max.partition.fetch.bytes" => most,
        "topic.metadata.refresh.interval.ms" => ((refresh * 1_000).round if refresh.positive?),
        "allow.auto.create.topics" => "true"
      }
    end

    def tokens
      @tokens ||= Karafka::Oauth::Listeners.new do |name, payload|
        @settings.logger.error("#{name}: #{payload[:error].message}") if payload[:error]
      end
    end
  end
end

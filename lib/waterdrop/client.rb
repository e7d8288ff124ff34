# frozen_string_literal: true

require "weakref"

module WaterDrop
  # The native producer of one process. A forked child makes a new one. While something is under way its producer is kept
  # ({OpenProducers}); a producer that nobody uses any more is collected after that, and ends by itself.
  class Client
    include Transactions
    include Events

    # Tag of deliveries whose reports become events, with nothing kept for them here.
    ANNOUNCE = 1
    # The event of a message that failed, with its label.
    FAILURES = %w[error.occurred message.purged].freeze
    # As WaterDrop's default.
    STATISTICS_MS = "5000"
    TRACING = Karafka::Instrumentation::Tracing
    private_constant :FAILURES, :STATISTICS_MS, :TRACING

    # @return [Numeric] ms
    attr_reader :max_wait_timeout
    # @return [Karafka::Native::Producer]
    attr_reader :native

    # Asks librdkafka about each setting; starts nothing.
    # @param config [Config]
    # @param more [Hash{String=>String}] settings of librdkafka
    # @return [Karafka::Native::Producer]
    # @raise [Errors::ConfigurationInvalidError]
    def self.build(config, more = {})
      TRACING.apply
      Karafka::Native::Producer.new(
        kafka: config.native_kafka.merge(more), max_payload_size: config.max_payload_size, reload: config.native_reload,
        idle_ms: config.native_idle, resend: config.on_refused_batch == :resend
      )
    rescue Karafka::Errors::InvalidConfigurationError => e
      raise Errors::ConfigurationInvalidError, "config.kafka: #{e.message}"
    end

    # @param config [Config]
    def initialize(config)
      @config = config
      @monitor = config.monitor
      @max_wait_timeout = config.max_wait_timeout
      @more = {}.freeze
      @native = Client.build(config)
      @watched = {}
      @last_tag = ANNOUNCE
      @reports = Karafka::Diagnosis::Reports.new(config.kafka)
      @repeats = Karafka::Diagnosis::Repeats.new
      @lock = Lock.new
      DeliveryHandle::Single.serve(self)
    end

    # The first message starts it.
    # @param producer [Producer] whose it is; kept from now on
    # @return [void]
    def start(producer)
      return if @loop

      with_statistics unless @config.kafka.key?(:"statistics.interval.ms")
      @owner = ::WeakRef.new(producer)
      OpenProducers.keep(self, producer)
      Karafka::Oauth::Tokens.start if @config.native_kafka.key?("oauth.listener")
      @loop = EventLoop.new(self, @config)
    end

    # Called after messages were taken, which it has to live for.
    # @param producer [Producer]
    # @return [void]
    def keep(producer)
      OpenProducers.keep(self, producer) if @native.wake_up
    end

    # @return [Boolean] whether nothing is under way: the producer is kept no longer
    def go_dormant
      return false unless @watched.empty?

      # In this order: whoever takes a message from now on either keeps the producer itself or is seen here.
      producer = OpenProducers.release(self)
      return true if @native.go_dormant

      OpenProducers.keep(self, producer) if producer
      false
    end

    # @param messages [Hash, Array<Hash>]
    # @param timeout_ms [Integer] how long to wait for room
    # @param tag [Integer] number of who follows the reports; 0: whoever listens
    # @return [Karafka::Native::Delivery, Array] as {Karafka::Native::Producer#produce} says
    def produce(messages, timeout_ms, tag = 0)
      return announced(messages, timeout_ms, ANNOUNCE) if @monitor.listening?("message.acknowledged")
      return hand_over(messages, timeout_ms, tag) unless FAILURES.any? { |name| @monitor.listening?(name) }

      announced(messages, timeout_ms, tag)
    end

    # @param text [String] a message for each of its lines
    # @param common [Hash] a message with what all of them have
    # @param timeout_ms [Integer] how long to wait for room
    # @return [Karafka::Native::Delivery, Array] as {#produce}
    def produce_lines(text, common, timeout_ms)
      tag = @monitor.listening?("message.acknowledged") ? ANNOUNCE : 0
      ScheduledWait.call { @native.produce_lines(text, common, timeout_ms, tag) }
    end

    # @param delivery [Karafka::Native::Delivery]
    # @param index [Integer]
    # @param label [Object, nil]
    # @param block [Proc]
    # @return [void]
    def on_delivery(delivery, index, label, block)
      report = DeliveryReport.of(delivery, index, label) { kafka }
      unless report
        call = [block, label]
        tag = follow(delivery, index, call)
        # The report may have come before the watch did. Whoever takes the call out makes it.
        report = DeliveryReport.of(delivery, index, label) { kafka }
        return unless report && unfollow(tag, index, call)
      end
      block.call(report)
    end

    # @param delivery [Karafka::Native::Delivery]
    # @param index [Integer, nil] nil: all messages of the call
    # @param timeout_ms [Numeric] -1: forever
    # Where somebody subscribed to their reports, also until he has heard of them, or got no further for a second.
    # @return [Boolean] false: timed out
    def wait(delivery, index, timeout_ms)
      ScheduledWait.call { @native.wait(delivery, index, timeout_ms.ceil) }
    end

    # @return [Karafka::Setup::KafkaSettings] settings of librdkafka
    def kafka
      @config.kafka
    end

    # @param waited_ms [Numeric] for how long
    # @return [Karafka::Errors::KafkaError, nil] what keeps it from its brokers, or did meanwhile
    def trouble(waited_ms)
      code, text = @native.trouble([waited_ms.ceil, 0].max)
      FailureText.trouble(code, text, kafka) if code
    end

    # @return [Integer] messages without a report
    def queue_size
      @native.queue_size
    end

    # @param timeout_ms [Numeric]
    # @return [Boolean]
    def flush(timeout_ms)
      ScheduledWait.call { @native.flush(timeout_ms.ceil) }
    end

    # @return [Integer]
    def purge
      ScheduledWait.call { @native.purge }
    end

    # @param topic [String]
    # @param timeout_ms [Numeric]
    # @return [Integer]
    def partition_count(topic, timeout_ms = @max_wait_timeout)
      ScheduledWait.call { @native.partition_count(topic.to_s, timeout_ms.ceil) }
    end

    # @param names [Array<String>]
    # @return [Array(Array<String>, Symbol), nil] as {Producer#missing_topics}
    def missing_topics(names)
      @native.missing_topics(names, 1_000)
    end

    # @return [Boolean] false: messages are under way, or nothing was connected
    def disconnect
      @disconnecting_since = Karafka::Clock.now_ms
      @native.disconnect
    end

    # @return [Boolean] it was connected, and gave that up
    def disconnected?
      @native.disconnected?
    end

    # @param timeout_ms [Numeric]
    # @return [Integer] messages that were not delivered
    def close(timeout_ms)
      deadline = Karafka::Clock.now + (timeout_ms / 1_000.0)
      return abandoned if transaction_stuck? || @preparing

      undelivered = ScheduledWait.call { @native.close(timeout_ms.ceil) }
      # What was reported on the way is passed on before the close is. From its own thread there is nothing to wait for.
      return undelivered if @loop.nil? || @loop.join([deadline - Karafka::Clock.now, 1].max)

      @config.logger.warn("[#{@config.id}] closed before subscribers or on_delivery blocks have received all reports")
      undelivered
    rescue Karafka::Errors::TimeoutError => e
      @config.logger.warn("[#{@config.id}] #{e.message}: librdkafka's client keeps running until the process ends")
      abandoned
    end

    # @return [String] short: a NoMethodError prints it
    def inspect
      "#<#{self.class} of #{@config.id}>"
    end

    # @return [Boolean] whether a subscriber of what comes from the engine or an on_delivery block asks
    def inside?
      @loop&.inside? || false
    end

    private

    # librdkafka is inside of a step of a transaction, and mostly does not come out before its time is over.
    # @return [Integer] messages that were not delivered
    def abandoned
      left = queue_size
      abandon
      left
    end

    # They cost, so they are off where nobody has asked for them before the first message.
    def with_statistics
      return unless @monitor.respond_to?(:statistics)
      return unless @monitor.statistics == :wanted

      @more = { "statistics.interval.ms" => STATISTICS_MS }
      @native = Client.build(@config, @more)
      DeliveryHandle::Single.serve(self)
    end

    # @return [Producer, nil] nil: nobody has it any more
    def owner
      @owner.__getobj__ if @owner&.weakref_alive?
    rescue ::WeakRef::RefError
      nil
    end

    def configure_next(attempt)
      @native.heard_of_reload(attempt, @more.merge(@config.native_kafka))
    rescue Karafka::Errors::InvalidConfigurationError => e
      @config.logger.error("[#{@config.id}] the next client has the settings of the last one, as those that a subscriber of " \
                           "producer.reload has written are refused: #{e.message}")
    end

    # May wait for room.
    def hand_over(messages, timeout_ms, tag)
      return ScheduledWait.call { @native.produce(messages, timeout_ms, tag) } unless TRACING.on?

      parent = TRACING.parent
      ScheduledWait.call { TRACING.under(parent) { @native.produce(messages, timeout_ms, tag) } }
    end

    # Labels are needed again when the report comes.
    def announced(messages, timeout_ms, without_labels)
      labels = labels_of(messages) or return hand_over(messages, timeout_ms, without_labels)
      tag = @lock.synchronize { register(labels: labels) }
      result = hand_over(messages, timeout_ms, tag)
      forget_labels(tag, result.first == :refused ? result[2] : 0) if result.is_a?(Array)
      result
    end

    # @return [Hash{Integer=>Object}, nil] by index; nil: there are none
    def labels_of(messages)
      return (label = messages[:label]) && { 0 => label } if messages.is_a?(Hash)

      labels = nil
      messages.each_with_index do |message, index|
        label = message[:label] if message.is_a?(Hash)
        (labels ||= {})[index] = label if label
      end
      labels
    end

    # Of messages that were not taken, and get no report.
    def forget_labels(tag, taken)
      @lock.synchronize do
        labels = @watched.dig(tag, :labels) or next
        labels.delete_if { |index, _| index >= taken }
        @watched.delete(tag) if labels.empty?
      end
    end

    def register(entry)
      @last_tag += 1
      @watched[@last_tag] = entry
      @last_tag
    end

    def follow(delivery, index, call)
      @lock.synchronize do
        entry = @watched[delivery.tag] || (delivery.watch(register({})) || @watched[delivery.tag])
        ((entry[:calls] ||= {})[index] ||= []) << call
        delivery.tag
      end
    end

    # @return [Boolean] false: the event thread has it
    def unfollow(tag, index, call)
      @lock.synchronize do
        entry = @watched[tag]
        calls = entry&.dig(:calls, index)
        at = calls&.index { |candidate| candidate.equal?(call) }
        next false unless at

        calls.delete_at(at)
        entry[:calls].delete(index) if calls.empty?
        @watched.delete(tag) if entry[:calls].empty? && (entry[:labels] || {}).empty?
        true
      end
    end
  end
  private_constant :Client
end

# frozen_string_literal: true

module WaterDrop
  # The native producer of one process. A forked child makes a new one. While something is under way its producer is kept
  # ({OpenProducers}); a producer that nobody uses any more is collected after that, and ends by itself.
  class Client
    include Transactions
    include Events

    # Tag of deliveries whose reports become events, with nothing kept for them here.
    ANNOUNCE = 1
    # As WaterDrop's default.
    STATISTICS_MS = "5000"
    private_constant :ANNOUNCE, :STATISTICS_MS

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
      Karafka::Native::Producer.new(
        kafka: config.native_kafka.merge(more), max_payload_size: config.max_payload_size, reload: config.native_reload,
        idle_ms: config.native_idle
      )
    rescue Karafka::Errors::InvalidConfigurationError => e
      raise Errors::ConfigurationInvalidError, "config.kafka: #{e.message}"
    end

    # @param config [Config]
    def initialize(config)
      @config = config
      @monitor = config.monitor
      @max_wait_timeout = config.max_wait_timeout
      @native = Client.build(config)
      @watched = {}
      @last_tag = ANNOUNCE
      @said = {}
      @lock = Mutex.new
      DeliveryHandle::Single.serve(self)
    end

    # The first message starts it.
    # @param producer [Producer] whose it is; kept from now on
    # @return [void]
    def start(producer)
      return if @loop

      with_statistics unless @config.kafka.key?(:"statistics.interval.ms")
      OpenProducers.keep(self, producer)
      @loop = EventLoop.new(self, @config)
    end

    # Called after messages were taken, which it has to live for.
    # @param producer [Producer]
    # @return [void]
    def keep(producer)
      OpenProducers.keep(self, producer) if @native.awake
    end

    # @return [Boolean] whether nothing is under way: the producer is kept no longer
    def rest
      return false unless @watched.empty?

      # In this order: whoever takes a message from now on either keeps the producer itself or is seen here.
      producer = OpenProducers.release(self)
      return true if @native.rest

      OpenProducers.keep(self, producer) if producer
      false
    end

    # @param messages [Hash, Array<Hash>]
    # @param timeout_ms [Integer] how long to wait for room
    # @param tag [Integer] number of who follows the reports; 0: whoever listens
    # @return [Karafka::Native::Delivery, Array] as {Karafka::Native::Producer#produce} says
    def produce(messages, timeout_ms, tag = 0)
      return @native.produce(messages, timeout_ms, tag) unless @monitor.listening?("message.acknowledged")

      announced(messages, timeout_ms)
    end

    # @param delivery [Karafka::Native::Delivery]
    # @param index [Integer]
    # @param label [Object, nil]
    # @param block [Proc]
    # @return [void]
    def on_delivery(delivery, index, label, block)
      report = DeliveryReport.of(delivery, index, label)
      unless report
        call = [block, label]
        tag = follow(delivery, index, call)
        # The report may have come before the watch did. Whoever takes the call out makes it.
        report = DeliveryReport.of(delivery, index, label)
        return unless report && unfollow(tag, index, call)
      end
      block.call(report)
    end

    # @param delivery [Karafka::Native::Delivery]
    # @param index [Integer, nil] nil: all messages of the call
    # @param timeout_ms [Numeric] -1: for ever
    # @return [Boolean] false: timed out
    def wait(delivery, index, timeout_ms)
      @native.wait(delivery, index, timeout_ms.ceil)
    end

    # @return [Integer] messages without a report
    def queue_size
      @native.queue_size
    end

    # @param timeout_ms [Numeric]
    # @return [Boolean]
    def flush(timeout_ms)
      @native.flush(timeout_ms.ceil)
    end

    # @return [Integer]
    def purge
      @native.purge
    end

    # @param topic [String]
    # @return [Integer]
    def partition_count(topic)
      @native.partition_count(topic.to_s, @max_wait_timeout.ceil)
    end

    # @return [Boolean] false: messages are under way, or nothing was connected
    def disconnect
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

      undelivered = @native.close(timeout_ms.ceil)
      # What was reported on the way is passed on before the close is. From its own thread there is nothing to wait for.
      return undelivered if @loop.nil? || inside? || @loop.join([deadline - Karafka::Clock.now, 1].max)

      @config.logger.warn("[#{@config.id}] closed, while subscribers or on_delivery blocks have not heard of all reports yet")
      undelivered
    rescue Karafka::Errors::TimeoutError => e
      @config.logger.warn("[#{@config.id}] #{e.message}: librdkafka's client is left behind")
      abandoned
    end

    # @return [String] short: a NoMethodError prints it
    def inspect
      "#<#{self.class} of #{@config.id}>"
    end

    # @return [Boolean] whether a subscriber or an on_delivery block asks
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

      @native = Client.build(@config, "statistics.interval.ms" => STATISTICS_MS)
      DeliveryHandle::Single.serve(self)
    end

    # Labels are needed again when the report comes.
    def announced(messages, timeout_ms)
      list = messages.is_a?(Hash) ? [messages] : messages
      labels = list.each_with_index.filter_map { |message, index| [index, message[:label]] if message.is_a?(Hash) && message[:label] }.to_h
      return @native.produce(messages, timeout_ms, ANNOUNCE) if labels.empty?

      tag = @lock.synchronize { register(labels: labels) }
      result = @native.produce(messages, timeout_ms, tag)
      @watched.delete(tag) if result.is_a?(Array) && result.first == :invalid
      result
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
        @watched.delete(tag) if entry[:calls].empty? && !entry[:labels]
        true
      end
    end
  end
  private_constant :Client
end

# frozen_string_literal: true

module WaterDrop
  # Sends messages to Kafka. Safe in threads. Starts at the first message, not before; after a fork it rebuilds itself in
  # the child at the first use there.
  #
  # A message is a Hash: `topic` (String), `payload` (String or nil), `key` (String or nil), `partition` (Integer),
  # `partition_key` (String, hashed like a key), `timestamp` (Time or Integer of milliseconds), `headers` (Hash of String to
  # String, nil or an Array of these) and `label` (anything; comes back with the report).
  class Producer
    include Sync
    include Async
    include Buffer
    include Tombstone
    include NotYet

    # @return [Config, nil]
    attr_reader :config

    # @yieldparam config [Config] without a block call {#setup} later
    def initialize(&block)
      @lifecycle = Mutex.new
      @buffer_lock = Mutex.new
      @messages = []
      @state = :initial
      setup(&block) if block
    end

    # @yieldparam config [Config]
    # @return [self]
    # @raise [Errors::ConfigurationInvalidError] a setting cannot work
    # @raise [Errors::ProducerAlreadyConfiguredError]
    def setup
      raise Errors::ProducerAlreadyConfiguredError, "producer #{id} was set up already" unless @state == :initial

      config = Config.new
      yield config
      config.validate!
      # Asks librdkafka about its settings; starts nothing.
      @client = Client.new(config)
      @config = config
      @monitor = config.monitor
      @middleware = config.middleware
      @queue_full_timeout = config.queue_full_timeout
      @pid = ::Process.pid
      @state = :configured
      self
    end

    # @return [String, nil]
    def id
      @config&.id
    end

    # @return [Instrumentation::Monitor]
    def monitor
      configured!
      @config.monitor
    end

    # @return [Middleware]
    def middleware
      configured!
      @middleware
    end

    # @return [Status]
    def status
      Status.new(@state)
    end

    # @return [Integer] messages that were handed over and have no answer yet; the buffer not counted
    def queue_size
      return 0 if @client.nil? || @pid != ::Process.pid

      @client.queue_size
    end
    alias queue_count queue_size

    # @param topic [String]
    # @return [Integer] partitions of the topic; asks the broker at most every 30 seconds
    # @raise [Karafka::Errors::KafkaError]
    def partition_count(topic)
      with_client { |client| client.partition_count(topic) }
    end

    # Gives up everything: the buffer, and what librdkafka has not got an answer for. Handles report it as failed.
    # @return [void]
    def purge
      purge_buffer
      with_client(&:purge)
      nil
    end

    # @return [Boolean]
    def idempotent?
      configured!
      %w[true 1].include?(@config.kafka[:"enable.idempotence"].to_s) || transactional?
    end

    # @return [Boolean]
    def transactional?
      configured!
      @config.kafka.key?(:"transactional.id")
    end

    # Sends the buffer and waits for all answers, up to max_wait_timeout. What has none by then is given up: its handles
    # say so, and the result counts it. Can be called from a trap, from at_exit and more than once.
    # @return [Integer] messages that were not delivered
    def close
      # A trap may take no lock: another thread does it.
      return Thread.new { close }.value if trap_context?

      @lifecycle.synchronize { close_once(@config ? @config.max_wait_timeout : 0) }
    end

    # Gives up at once what has no answer.
    # @return [Integer] messages that were not delivered
    def close!
      return Thread.new { close! }.value if trap_context?

      @lifecycle.synchronize { close_once(0) }
    end

    # @return [String] without settings: they may be secret
    def inspect
      "#<#{self.class} id=#{id.inspect} #{@state}>"
    end

    # How far a producer is in its life.
    Status = Struct.new(:state) do
      %i[initial configured connected closing closed].each { |name| define_method(:"#{name}?") { state == name } }

      # @return [Boolean] takes messages
      def active?
        configured? || connected?
      end

      # @return [String]
      def to_s
        state.to_s
      end
    end

    private

    def configured!
      raise Errors::ProducerNotConfiguredError, "call setup { |config| … } first" unless @config
    end

    def ready!
      return if @state == :connected

      configured!
      raise Errors::ProducerClosedError, "producer #{id} is closed" unless @state == :configured

      @lifecycle.synchronize do
        next unless @state == :configured

        @client.start
        @state = :connected
        @monitor.instrument("producer.connected", { producer_id: id })
      end
    end

    # In a forked child the client of the parent says so, before it does anything.
    def with_client
      ready!
      yield @client
    rescue Karafka::Errors::ForkedError
      rebuild
      retry
    rescue Karafka::Errors::ClosedError
      raise Errors::ProducerClosedError, "producer #{id} is closed"
    end

    # The parent's client is forgotten, never freed, and what it had buffered the parent sends.
    def rebuild
      @lifecycle.synchronize do
        next if @pid == ::Process.pid

        @messages = []
        @client = Client.new(@config)
        @pid = ::Process.pid
        @state = :configured
      end
    end

    def close_once(timeout_ms)
      return 0 if %i[initial closed].include?(@state)
      return forget if @pid != ::Process.pid

      started = now_ms
      @monitor.instrument("producer.closing", { producer_id: id })
      # What does not get out is counted below.
      unsent = flush_for_close
      @state = :closing
      undelivered = unsent + @client.close(timeout_ms)
      @state = :closed
      @monitor.instrument("producer.closed", { producer_id: id, undelivered: undelivered, time: now_ms - started })
      undelivered
    end

    # A child that never used the producer has nothing to close.
    def forget
      @messages = []
      @state = :closed
      0
    end

    def now_ms
      ::Process.clock_gettime(::Process::CLOCK_MONOTONIC, :float_millisecond)
    end

    def trap_context?
      Mutex.new.synchronize { false }
    rescue ThreadError
      true
    end

    # @return [Array<DeliveryHandle>]
    def dispatch_many(messages)
      raise ArgumentError, "messages must be an Array of Hashes, not #{messages.class}" unless messages.is_a?(Array)

      result = with_client { |client| client.produce(messages, @queue_full_timeout) }
      return DeliveryHandle.all(@client, result, messages) unless result.is_a?(Array)

      refused(result, messages, many: true)
    end

    # The hot path: no block, no object besides the handle.
    # @return [DeliveryHandle]
    def dispatch(message)
      result = @client.produce(message, @queue_full_timeout)
      return refused(result, [message], many: false).first if result.is_a?(Array)

      handle = DeliveryHandle.new(@client, result, 0)
      label = message[:label]
      handle.label = label if label
      handle
    rescue Karafka::Errors::ForkedError
      rebuild
      ready!
      retry
    rescue Karafka::Errors::ClosedError
      raise Errors::ProducerClosedError, "producer #{id} is closed"
    end

    def refused(result, messages, many:)
      raise_invalid(result) if result.first == :invalid

      _, delivery, taken, code, text, fatal = result
      return dropped(delivery, messages, taken) if code == :queue_full && @config.drop_on_queue_full

      error = Karafka::Errors::KafkaError.new(text, code: code, fatal: fatal, retryable: code == :queue_full)
      text = "message #{taken} of #{messages.size} was refused: #{text} (#{code})"
      raise Errors::ProduceError, text, cause: error unless many

      raise Errors::ProduceManyError.new(text, DeliveryHandle.all(@client, delivery, messages, taken)), cause: error
    end

    def dropped(delivery, messages, taken)
      handles = DeliveryHandle.all(@client, delivery, messages)
      @monitor.instrument("messages.dropped", { producer_id: id, messages: messages.drop(taken), handles: handles.drop(taken) })
      handles
    end

    def raise_invalid(result)
      _, index, field, reason = result
      text = field == :message ? "message #{reason}" : "message[:#{field}] #{reason}"
      text = "#{text} (message #{index} of the call; nothing was sent)" if index.positive?
      raise Errors::MessageInvalidError.new(text, field: field, index: index)
    end

    # Only where somebody listens is anything built for the monitor.
    def instrument(name, key, value, &)
      return yield unless @monitor.listening?(name)

      @monitor.instrument(name, { producer_id: id, key => value }, &)
    end
  end
end

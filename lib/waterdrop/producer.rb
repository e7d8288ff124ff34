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
    include Variants
    include Closing
    include Connection
    include Transactions
    include Tagging
    include NotYet

    # @return [Config, nil]
    attr_reader :config

    # @return [Clients::Dummy, Clients::Buffered, Object, nil] what hands the messages over; tests look at it
    attr_reader :client

    # @yieldparam config [Config] without a block call {#setup} later
    def initialize(&block)
      @lifecycle = Mutex.new
      @buffer_lock = Mutex.new
      @transactions = Turn.new
      @transaction = @finished = nil
      @bus = NeverQuiet
      empty_buffer
      @lanes = {}.freeze
      @lanes_lock = Mutex.new
      @state = :initial
      made_known("producer.created")
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
      adopt(config.validate!)
      extend Transactional if transactional?
      made_known("producer.configured", config: config)
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

    # @return [Integer] messages that were handed over and have no answer yet; the buffer not counted
    def queue_size
      return 0 if @client.nil? || @pid != ::Process.pid

      @client.queue_size + own_lanes.sum(&:queue_size)
    end
    alias queue_count queue_size
    alias queue_length queue_size

    # @param topic [String]
    # @return [Integer] partitions of the topic; asks the broker at most every 30 seconds
    # @raise [Karafka::Errors::KafkaError]
    def partition_count(topic)
      with_client { |client| client.partition_count(topic) }
    end

    # Gives up everything: the buffer, and what librdkafka has not got an answer for. Handles report it as failed when this
    # returns (5 seconds at most; what other threads send meanwhile is not waited for).
    # @return [void]
    def purge
      purge_buffer
      with_client(&:purge)
      own_lanes.each(&:purge)
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

    # @return [String] without settings: they may be secret
    def inspect
      "#<#{self.class} id=#{id.inspect} #{@state}>"
    end

    # How far a producer is in its life.
    Status = Struct.new(:state) do
      %i[initial configured connected disconnecting disconnected closing closed].each { |it| define_method(:"#{it}?") { state == it } }

      # @return [Boolean] takes messages
      def active?
        configured? || connected? || disconnected?
      end

      # @return [String]
      def to_s
        state.to_s
      end
    end

    # In place of the bus of a monitor that has none: every look at its listeners is a new one.
    module NeverQuiet
      # @return [Hash]
      def self.listeners
        {}
      end
    end
    private_constant :NeverQuiet

    protected

    # @return [Array<DeliveryHandle>]
    def dispatch_many(messages, room_timeout_ms = @queue_full_timeout)
      raise ArgumentError, "messages must be an Array of Hashes, not #{messages.class}" unless messages.is_a?(Array)

      result = with_client { |client| client.produce(messages, room_timeout_ms).tap { client.keep(self) } }
      return DeliveryHandle.all(@client, result, messages) unless result.is_a?(Array)

      refused(result, messages, many: true)
    end

    private

    def made_known(event, **payload)
      WaterDrop.monitor.instrument(event, { producer: self, producer_id: id, **payload })
    end

    def adopt(config)
      # Asks librdkafka about its settings; starts nothing.
      @client = config.new_client
      @config = config
      @monitor = config.monitor
      @bus = @monitor.respond_to?(:notifications_bus) ? @monitor.notifications_bus : NeverQuiet
      @middleware = config.middleware
      @queue_full_timeout = config.queue_full_timeout
      @pid = ::Process.pid
      @state = :configured
    end

    def configured!
      raise Errors::ProducerNotConfiguredError, "call setup { |config| … } first" unless @config
    end

    def ready!
      # Read once: another thread may connect between two looks.
      state = @state
      return if state == :connected

      configured!
      raise Errors::ProducerClosedError, "producer #{id} is closed" unless state == :configured

      # Made by the parent, and not started there.
      rebuild if @pid != ::Process.pid
      @lifecycle.synchronize do
        next unless @state == :configured

        @client.start(self)
        @state = :connected
        OpenProducers.add(self)
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
      # A fenced one is not closed, but as good as.
      raise @finished || Errors::ProducerClosedError.new("producer #{id} is closed")
    end

    # The parent's client is forgotten, never freed, and what it had buffered the parent sends.
    def rebuild
      @lifecycle.synchronize do
        next if @pid == ::Process.pid

        empty_buffer
        @transaction = @finished = nil
        @client = @config.new_client
        @pid = ::Process.pid
        @state = :configured
        @listeners = @silence = nil
      end
    end

    # The hot path: no block, no object besides the handle. Where nobody listens the message goes straight to the engine.
    # @return [DeliveryHandle]
    def dispatch(message, target = @client)
      result = target.produce(message, @queue_full_timeout, 0)
      @client.keep(self)
      return refused(result, [message], many: false).first if result.is_a?(Array)

      handle = DeliveryHandle.new(@client, result, 0)
      label = message[:label]
      handle.label = label if label
      handle
    rescue Karafka::Errors::ForkedError
      rebuild
      ready!
      target = @client
      retry
    rescue Karafka::Errors::ClosedError
      raise Errors::ProducerClosedError, "producer #{id} is closed"
    end

    # Nobody listens to what is told of single messages, and no middleware changes them. The bus gives another Hash
    # whenever somebody subscribes, so one comparison is enough.
    def quiet?
      return @quiet if @listeners.equal?(@bus.listeners) && @middleware.empty?

      @listeners = @bus.listeners
      names = %w[message.produced_async message.acknowledged]
      @engine = @client.native
      @quiet = !@engine.nil? && @middleware.empty? && names.none? { |name| @monitor.listening?(name) }
      # What the short way of produce_async compares with.
      @silence = @quiet ? @listeners : nil
      @quiet
    end

    def refused(result, messages, many:)
      raise_invalid(result) if result.first == :invalid

      _, delivery, taken, code, text, fatal = result
      return dropped(delivery, messages, taken) if code == :queue_full && @config.drop_on_queue_full

      error = Karafka::Errors::KafkaError.new(text, code: code, fatal: fatal, retryable: code == :queue_full)
      text = FailureText.refused(messages[taken], taken, messages.size, text, code)
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

    # Of a message that was not delivered the monitor has heard; this is for what was refused, or has no answer yet. The
    # caller gets the error too, so it is nothing for the log.
    def told_of(error, type, **payload)
      payload[:dispatched] = error.dispatched if error.respond_to?(:dispatched)
      told(error, type, **payload) unless error.cause.respond_to?(:topic) && error.cause.topic
    end

    # @return [Boolean] whether anybody listens
    def told(error, type, **payload)
      return false unless @monitor.listening?("error.occurred")

      @monitor.instrument("error.occurred", { producer_id: id, caller: self, error: error, type: type, **payload })
      true
    end
  end
end

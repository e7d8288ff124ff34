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
    include Lines
    include AfterCommit
    include Buffer
    include Tombstone
    include Variants
    include Closing
    include Connection
    include Transactions
    include Renewal
    include Tagging
    include ClientAccess
    include NotYet

    # @return [Config, nil]
    attr_reader :config

    # @yieldparam config [Config] without a block call {#setup} later
    def initialize(&block)
      @lifecycle = Lock.new
      @buffer_lock = Lock.new
      @transactions = Turn.new
      @transaction = @finished = nil
      @ending = @disconnecting = false
      reset_renewals
      @bus = NeverQuiet
      empty_buffer
      @lanes = {}.freeze
      @lanes_lock = Lock.new
      @state = :initial
      @status = Status.new(method(:current_state))
      made_known("producer.created")
      setup(&block) if block
    end

    # @yieldparam config [Config]
    # @return [self]
    # @raise [Errors::ConfigurationInvalidError] a setting cannot work
    # @raise [Errors::ProducerAlreadyConfiguredError]
    def setup(&)
      raise Errors::ProducerAlreadyConfiguredError, "producer #{id} was set up already" unless @state == :initial

      config = Config.new.setup(&)
      adopt(config.validate!)
      config.complete
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
      "#<#{self.class} id=#{id.inspect} #{status}>"
    end

    # In place of the bus of a monitor that has none: every look at its listeners is a new one.
    module NeverQuiet
      # @param monitor [Object]
      # @return [#listeners] its bus, where that says who listens
      def self.or(monitor)
        bus = monitor.notifications_bus if monitor.respond_to?(:notifications_bus)
        bus.respond_to?(:listeners) ? bus : self
      end

      # @return [Hash]
      def self.listeners
        {}
      end
    end
    private_constant :NeverQuiet

    protected

    # @param messages [Array<Hash>]
    # @return [Array<DeliveryHandle>]
    def dispatch_many(messages, room_timeout_ms = @queue_full_timeout)
      used = nil
      result = with_client { |client| (used = client).produce(messages, room_timeout_ms).tap { client.keep(self) } }
      return DeliveryHandle.all(used, result, messages) unless result.is_a?(Array)

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
      @bus = NeverQuiet.or(@monitor)
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
      return if state == :configured && stubbed_client?

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
      yield current_client
    rescue Karafka::Errors::ForkedError, Karafka::Errors::ClosedError => e
      rebuild_or_raise(e)
      retry
    end

    # The client is not to be used any more: it is the parent's, or at its end.
    # @param error [Karafka::Errors::ForkedError, Karafka::Errors::ClosedError]
    def rebuild_or_raise(error)
      # A fenced one is not closed, but as good as.
      raise @finished || Errors::ProducerClosedError.new("producer #{id} is closed") unless error.is_a?(Karafka::Errors::ForkedError)

      rebuild
      ready!
    end

    # The parent's client is forgotten, never freed, and what it had buffered the parent sends.
    def rebuild
      @lifecycle.synchronize do
        next if @pid == ::Process.pid

        empty_buffer
        @transaction = @finished = nil
        reset_renewals
        @client = @config.new_client
        @pid = ::Process.pid
        @state = :configured
        @listeners = @short = nil
      end
    end

    # The hot path: no block, no object besides the handle. Where nobody listens the message goes straight to the engine.
    # @return [DeliveryHandle]
    def dispatch(message)
      # An Array is many messages for the client, which would send them.
      raise_invalid(Karafka::Native::Producer.check([message], @config.max_payload_size)) unless message.is_a?(Hash)

      client = current_client
      result = client.produce(message, @queue_full_timeout, 0)
      client.keep(self)
      return refused(result, [message], many: false).first if result.is_a?(Array)

      handle = DeliveryHandle.new(client, result, 0)
      label = message[:label]
      handle.label = label if label
      handle
    rescue Karafka::Errors::ForkedError, Karafka::Errors::ClosedError => e
      rebuild_or_raise(e)
      retry
    end

    # Nobody listens to events of single calls, and no middleware changes messages. Their reports may be listened to.
    # The bus gives another Hash whenever somebody subscribes, so one comparison is enough.
    def quiet?
      return @quiet if @listeners.equal?(@bus.listeners) && @middleware.empty?

      listeners = @bus.listeners
      @engine = @client.native
      @quiet = !@engine.nil? && !@stubbed && @middleware.empty? && !@monitor.listening?("message.produced_async")
      tag = @monitor.listening?("message.acknowledged") ? Client::ANNOUNCE : 0
      # What the short way of produce_async compares with and hands over: together, as other threads look, too.
      @short = @quiet ? [listeners, tag].freeze : nil
      @listeners = listeners
      @quiet
    end

    def refused(result, messages, many:)
      raise_invalid(result) if result.first == :invalid

      _, delivery, taken, code, text, fatal = result
      return dropped(delivery, messages, taken) if code == :queue_full && @config.drop_on_queue_full

      error = Karafka::Errors::KafkaError.new(text, code: code, fatal: fatal, retryable: code == :queue_full)
      trouble = current_client.trouble(0) if FailureText.outage?(code)
      text = FailureText.because(FailureText.refused(messages[taken], taken, messages.size, text, code), trouble)
      error = error.because(trouble) if trouble
      raise Errors::ProduceError, text, cause: error unless many

      raise Errors::ProduceManyError.new(text, DeliveryHandle.all(current_client, delivery, messages, taken)), cause: error
    end

    def dropped(delivery, messages, taken)
      handles = DeliveryHandle.all(current_client, delivery, messages)
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

    # In the caller's thread, before it gets the error. Of a message that was not delivered its report tells as well, from
    # another thread. As the caller gets the error, it is nothing for the log.
    def report_raised(error, type, **payload)
      payload[:dispatched] = error.dispatched if error.respond_to?(:dispatched)
      report_error(error, type, **payload)
    end

    # @return [Boolean] whether anybody listens
    def report_error(error, type, **payload)
      Karafka::ErrorCounts.add(type)
      return false unless @monitor.listening?("error.occurred")

      @monitor.instrument("error.occurred", { producer_id: id, caller: self, error: error, type: type, **payload })
      true
    end
  end
end

# frozen_string_literal: true

module WaterDrop
  # The native producer of one process and the thread that takes its events. A forked child makes a new one.
  class Client
    include Transactions

    # Tag of deliveries whose reports become events, with nothing kept for them here.
    ANNOUNCE = 1
    # How long the event thread sleeps where nothing happens, ms. A close wakes it.
    EVENTS_TIMEOUT_MS = 60_000
    # What librdkafka repeats several times a second while no broker answers, what a purge says of each message, and
    # seconds between two such lines in the log.
    REPEATED = %i[all_brokers_down transport resolve purge_queue purge_inflight].freeze
    REPEATED_PAUSE = 10
    private_constant :ANNOUNCE, :EVENTS_TIMEOUT_MS, :REPEATED, :REPEATED_PAUSE

    # @return [Numeric] ms
    attr_reader :max_wait_timeout
    # @return [Karafka::Native::Producer]
    attr_reader :native

    # Asks librdkafka about each setting; starts nothing.
    # @param config [Config]
    # @return [Karafka::Native::Producer]
    # @raise [Errors::ConfigurationInvalidError]
    def self.build(config)
      Karafka::Native::Producer.new(
        kafka: config.native_kafka, max_payload_size: config.max_payload_size, reload: config.native_reload, idle_ms: config.native_idle
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
    # @return [void]
    def start
      return if @thread

      @thread = Thread.new { serve }
      @thread.name = "waterdrop.events"
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
      deadline = now + (timeout_ms / 1_000.0)
      undelivered = @native.close(timeout_ms.ceil)
      # What was reported on the way is passed on before the close is. From its own thread there is nothing to wait for.
      return undelivered if @thread.nil? || inside? || @thread.join([deadline - now, 1].max)

      @config.logger.warn("[#{@config.id}] closed, while subscribers or on_delivery blocks have not heard of all reports yet")
      undelivered
    end

    # @return [String] short: a NoMethodError prints it
    def inspect
      "#<#{self.class} of #{@config.id}>"
    end

    # @return [Boolean] whether a subscriber or an on_delivery block asks
    def inside?
      @thread == Thread.current
    end

    private

    def now
      ::Process.clock_gettime(::Process::CLOCK_MONOTONIC)
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

    def serve
      while (events = @native.events(EVENTS_TIMEOUT_MS))
        events.each { |event| guarded { handle(event) } }
      end
    rescue Karafka::Errors::BaseError => e
      guarded { error(e, "librdkafka.error") }
    end

    def handle(event)
      case event[:type]
      when :reports then event[:reports].each { |delivery, *indexes| reported(delivery, indexes) }
      when :error then error(kafka_error(event), "librdkafka.error")
      when :reload, :reloaded, :disconnected then life(event)
      when :queue_full then queue_full if @config.instrument_on_wait_queue_full
      when :statistics then statistics(event[:json])
      when :log then @config.logger.public_send(event[:level], "[#{@config.id}] librdkafka #{event[:target]}: #{event[:message]}")
      when :dropped_events then @config.logger.warn("[#{@config.id}] #{event[:count]} events found no room and were dropped")
      end
    end

    def reported(delivery, indexes)
      tag = delivery.tag
      entry = @watched[tag]
      indexes.each { |index| guarded { announce(delivery, index, entry) } }
      return unless entry

      # Under the lock, or a call that comes in just now would be added to what nobody knows any more.
      @lock.synchronize { @watched.delete(tag) if entry[:labels] ? delivery.done? : (entry[:calls] || {}).empty? }
    end

    def announce(delivery, index, entry)
      calls = @lock.synchronize { entry[:calls]&.delete(index) } if entry
      report = DeliveryReport.of(delivery, index, entry&.dig(:labels, index) || calls&.first&.last)
      acknowledge(report)
    ensure
      calls&.each { |block, _label| guarded { block.call(report) } }
    end

    def acknowledge(report)
      return if Acknowledgement.announce(@config, self, report)

      unheard(report.error, "librdkafka.dispatch_error", FailureText.of(report))
    end

    # The client behind this one is replaced, or gone until the next message.
    def life(event)
      payload = event.slice(:attempt, :failed)
      payload[:error] = kafka_error(event) if event[:type] == :reload
      @monitor.instrument("producer.#{event[:type]}", { producer_id: @config.id, **payload })
    end

    # Normal under load, so nothing for the log: only for who listens.
    def queue_full
      return unless @monitor.listening?("error.occurred")

      error = Karafka::Errors::KafkaError.new("librdkafka's queue is full: a produce call waits for room", code: :queue_full,
                                                                                                           retryable: true)
      error(error, "message.produce_queue_full")
    end

    def statistics(json)
      return unless @monitor.listening?("statistics.emitted")

      require "json"
      @monitor.instrument("statistics.emitted", { producer_id: @config.id, statistics: JSON.parse(json) })
    end

    def kafka_error(event)
      Karafka::Errors::KafkaError.new(event[:message], code: event[:code], fatal: event[:fatal], retryable: event[:retryable])
    end

    def error(error, type, **payload)
      return unheard(error, type) unless @monitor.listening?("error.occurred")

      @monitor.instrument("error.occurred", { producer_id: @config.id, caller: self, error: error, type: type, **payload })
    end

    # Nobody listens, so the log is told.
    def unheard(error, type, text = error.message)
      return if repeated?(error)

      @config.logger.error("[#{@config.id}] #{type}: #{text} (#{error.respond_to?(:code) ? error.code : error.class})")
    end

    def repeated?(error)
      code = error.code if error.respond_to?(:code)
      return false unless REPEATED.include?(code) && !error.fatal?
      return true if @said[code] && now - @said[code] < REPEATED_PAUSE

      @said[code] = now
      false
    end

    # A subscriber that raises must not end the event thread.
    def guarded(&)
      Guard.call(@config, "a subscriber or on_delivery block", &)
    end
  end
  private_constant :Client
end

# frozen_string_literal: true

module Kafka
  # Sends without making anybody wait. For any number of threads; works on in a forked child.
  #
  # Messages are collected until they are `delivery_threshold`, `delivery_interval` has passed or {#deliver_messages} is called,
  # and cross into the engine together. Its threads do the rest, also the retries.
  class AsyncProducer
    # @return [Array<Symbol>] options of {Client#async_producer} besides those of {Producer}
    OPTIONS = %i[delivery_interval delivery_threshold max_queue_size].freeze
    # The most that cross at once, also where the threshold is higher.
    LARGEST_CROSSING = 1_000
    # What found no room is tried again after this many seconds.
    LATER = 1
    private_constant :LARGEST_CROSSING, :LATER

    # @api private
    # @param settings [Settings]
    # @raise [ArgumentError]
    def initialize(settings, delivery_interval: 0, delivery_threshold: 0, max_queue_size: 1_000, max_retries: -1, retry_backoff: 1,
                   max_buffer_size: 1_000, compression_codec: nil, ack_timeout: 5, required_acks: :all, idempotent: false,
                   interceptors: [], **others)
      refuse_transactions(others)
      check_limits(max_queue_size, delivery_threshold, delivery_interval)
      Numbers.check!(max_buffer_size: max_buffer_size)
      @interval = delivery_interval
      @threshold = delivery_threshold
      @limit = max_queue_size + max_buffer_size
      @max_queue_size = max_queue_size
      @logger = settings.logger
      @instrumenter = Instrumenter.new(client_id: settings.client_id)
      @interceptors = Interceptors.new(interceptors: interceptors, logger: @logger)
      @transport = Transport.new(settings, required_acks: required_acks, ack_timeout: ack_timeout, max_retries: max_retries,
                                           retry_backoff: retry_backoff, compression_codec: compression_codec, linger_ms: 5,
                                           "enable.idempotence": idempotent || nil,
                                           "queue.buffering.max.messages": [@limit * 2, 100_000].max) do |producer|
        report_failures(producer)
      end
      @lock = Mutex.new
      @turn = Mutex.new
      @ending = false
      @wake = ConditionVariable.new
      start_over
    end

    # @param value [#to_s, nil]
    # @param topic [#to_s]
    # @param options [Hash{Symbol=>Object}] as {Producer#produce}
    # @return [nil]
    # @raise [BufferOverflow] more messages wait for their answers than max_queue_size and max_buffer_size allow
    def produce(value, topic:, key: nil, partition: nil, partition_key: nil, headers: nil, create_time: nil) # rubocop:disable Metrics/CyclomaticComplexity, Metrics/PerceivedComplexity -- the hot path
      message = { topic: topic.to_s, payload: value&.to_s, key: key&.to_s, partition: partition, partition_key: partition_key&.to_s,
                  timestamp: create_time || Process.clock_gettime(Process::CLOCK_REALTIME, :millisecond),
                  headers: headers && Karafka::Adapters::Outgoing.headers(headers) }
      message = intercepted(message) unless @plain
      # Of an empty key librdkafka thinks as of none.
      message[:partition] ||= 0 if message[:key] == "" && partition_key.nil?
      due = @lock.synchronize { add(message, partition_key) }
      announce(message) if @announces
      flush if due
      nil
    end

    # Sends what is collected; does not wait for answers.
    # @return [nil]
    def deliver_messages
      flush
      nil
    end

    # @return [Integer] messages without an answer
    def buffer_size = @lock.synchronize { @messages.size } + @transport.producer.queue_size

    # Sends everything and waits for the answers. What has none in time is dropped, and logged. What is produced after that is sent by
    # a new connection, until the next call.
    # @return [nil]
    def shutdown
      @ending = true
      @sender&.kill
      flush
      dropped = @transport.close
      return unless dropped.positive?

      @instrumenter.instrument("drop_messages.async_producer", { message_count: dropped })
      @logger.error("#{Karafka::Amount.past(dropped, "message")} dropped: not delivered before the asynchronous producer was shut down")
      nil
    ensure
      @ending = false
    end

    # @return [String]
    def inspect = "#<#{self.class} #{@transport.settings.client_id}>"

    private

    def refuse_transactions(others)
      if others[:transactional] || others[:transactional_id]
        raise ArgumentError, "an asynchronous producer has no transactions: use Kafka::Client#producer"
      end

      unknown = others.keys - Producer::OPTIONS
      raise ArgumentError, "unknown keyword: #{unknown.first.inspect}" if unknown.any?
    end

    def check_limits(max_queue_size, threshold, interval)
      unless max_queue_size.is_a?(Integer) && max_queue_size.positive?
        raise ArgumentError, "max_queue_size is #{max_queue_size.inspect}, but must be an Integer above 0"
      end
      raise ArgumentError, "delivery_threshold is #{threshold.inspect}, but must be an Integer" unless threshold.is_a?(Integer)
      raise ArgumentError, "delivery_interval is #{interval.inspect}, but must be a number of seconds" unless interval.is_a?(Numeric)
    end

    # The sender is dead in a forked child, after a shutdown, and at the beginning.
    def revive
      # What was collected before a fork the parent sends, also where the child only ends.
      start_over if @pid != Process.pid
      @sender = start_sender unless @ending
    end

    def start_over
      @pid = Process.pid
      @messages = []
      @room = 0
      @awake = @asks = @late = false
      @announces = @instrumenter.listening?("enqueue_message.async_producer")
      @plain = @interceptors.empty? && @transport.settings.partitioner.is_a?(Partitioner)
    end

    # @return [Boolean] whether it is time to send
    def add(message, partition_key)
      revive unless @sender&.alive?
      # Asked for only where what there was room for is used up.
      @room = room_for(message) if @room.zero?
      @room -= 1
      @asks = true if partition_key
      size = @messages.push(message).size
      due = @threshold.positive? && size >= [@threshold, LARGEST_CROSSING].min
      # Nobody knows how long the number of partitions takes: that wait is not the caller's.
      due && @asks ? wake_sender : due
    end

    # @return [false]
    def wake_sender
      @awake = true
      @wake.signal
      false
    end

    def room_for(message)
      room = @limit - @messages.size - @transport.producer.queue_size
      return room if room.positive?

      @instrumenter.instrument("buffer_overflow.async_producer", { topic: message[:topic] })
      raise BufferOverflow, "no room for a message to #{message[:topic]}: #{@limit} messages wait for the brokers' answers " \
                            "(max_queue_size #{@max_queue_size} and max_buffer_size together)"
    end

    # One at a time, so that messages stay in their order.
    def flush
      @turn.synchronize do
        messages = @lock.synchronize do
          revive unless @sender&.alive?
          @asks = false
          @announces = @instrumenter.listening?("enqueue_message.async_producer")
          @messages.tap { @messages = [] }
        end
        hand_over(messages) unless messages.empty?
      end
    end

    def hand_over(messages)
      @instrumenter.instrument("deliver_messages.producer", { message_count: messages.size, attempts: 1 }) do |payload|
        @transport.producer.produce_many_unfollowed(messages)
        payload[:delivered_message_count] = messages.size
      end
    rescue WaterDrop::Errors::ProduceManyError => e
      left_over(messages.drop(e.dispatched.size), e)
    rescue WaterDrop::Errors::BaseError, Karafka::Errors::BaseError => e
      left_over(messages, e)
    end

    # There was no room in time, or the engine cannot know where to send them yet: they are the first of the next ones.
    def left_over(messages, error)
      return drop(messages, error) if error.is_a?(WaterDrop::Errors::MessageInvalidError)

      @logger.error("#{Karafka::Amount.past(messages.size, "message")} not sent yet: #{error.message}")
      @lock.synchronize do
        @messages = messages + @messages
        @late = true
      end
      @wake.signal
    end

    # Nothing of a call is sent where one of its messages is wrong.
    def drop(messages, error)
      wrong = messages.delete_at(error.index)
      @logger.error("a message to #{wrong[:topic]} is dropped: #{error.message}")
      @instrumenter.instrument("drop_messages.async_producer", { message_count: 1 })
      hand_over(messages) unless messages.empty?
    end

    # Sends by time, what was left over, and what needs to know the number of partitions.
    def start_sender
      Thread.new do
        Thread.current.name = "kafka.async_producer"
        loop do
          @lock.synchronize { rest }
          flush
        rescue StandardError => e
          @logger.error("sending by time failed: #{e.class}: #{e.message}")
        end
      end
    end

    # Until the interval is over, or somebody asks.
    def rest
      since = Karafka::Clock.now
      until @awake
        left = pause && (since + pause - Karafka::Clock.now)
        break if left && left <= 0

        @wake.wait(@lock, left)
      end
      @awake = @late = false
    end

    # @return [Numeric, nil] seconds; nil: for as long as nobody asks
    def pause = [(@interval if @interval.positive?), (LATER if @late)].compact.min

    def intercepted(message)
      pending = PendingMessage.new(value: message[:payload], key: message[:key], headers: message[:headers] || {}, topic: message[:topic],
                                   partition: message[:partition], partition_key: message[:partition_key],
                                   create_time: message[:timestamp])
      @transport.prepared([@interceptors.call(pending)]).first
    end

    def announce(message)
      @instrumenter.instrument("enqueue_message.async_producer", {
                                 topic: message[:topic], queue_size: @messages.size, max_queue_size: @max_queue_size
                               })
    end

    # Messages that were given up are logged by the engine's producer; with the default of max_retries there are none.
    def report_failures(producer)
      return unless @instrumenter.listening?("topic_error.producer")

      producer.monitor.subscribe("error.occurred") do |event|
        error = event[:error]
        @logger.error(error.message)
        @instrumenter.instrument("topic_error.producer", { topic: event[:topic], exception: [error.class.to_s, error.message] })
      end
    end
  end
end

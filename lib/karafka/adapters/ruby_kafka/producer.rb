# frozen_string_literal: true

module Kafka
  # Collects messages and sends them together. Not for several threads at once, as ruby-kafka's.
  class Producer
    include Transactions

    # Raise it in {#transaction} to abort that in silence.
    class AbortTransaction < StandardError; end

    # @return [Array<Symbol>] options of {Client#producer}
    OPTIONS = %i[
      compression_codec compression_threshold ack_timeout required_acks max_retries retry_backoff max_buffer_size max_buffer_bytesize
      idempotent transactional transactional_id transactional_timeout interceptors
    ].freeze

    # @api private
    # @param settings [Settings]
    # @raise [ArgumentError]
    def initialize(settings, compression_codec: nil, compression_threshold: 1, ack_timeout: 5, required_acks: :all, max_retries: 2,
                   retry_backoff: 1, max_buffer_size: 1_000, max_buffer_bytesize: 10_000_000, idempotent: false, transactional: false,
                   transactional_id: nil, transactional_timeout: 60, interceptors: [])
      check_compression(compression_codec, compression_threshold, settings.logger)
      Numbers.check!(max_buffer_size: max_buffer_size, max_buffer_bytesize: max_buffer_bytesize,
                     transactional_timeout: transactional_timeout)
      @transactional = transactional
      @instrumenter = Instrumenter.new(client_id: settings.client_id)
      @logger = settings.logger
      @interceptors = Interceptors.new(interceptors: interceptors, logger: @logger)
      @transport = Transport.new(settings, compression_codec: compression_codec, ack_timeout: ack_timeout, required_acks: required_acks,
                                           max_retries: max_retries, retry_backoff: retry_backoff,
                                           **exactness(idempotent, transactional_id, transactional_timeout))
      @max_buffer_size = max_buffer_size
      @max_buffer_bytesize = max_buffer_bytesize
      empty_buffer
      @pid = Process.pid
    end

    # Puts a message into the buffer.
    # @param value [#to_s, nil]
    # @param topic [#to_s]
    # @param key [#to_s, nil]
    # @param headers [Hash{String=>String}]
    # @param partition [Integer, nil] nil: by the partition key, else by the key, else at random
    # @param partition_key [#to_s, nil]
    # @param create_time [Time]
    # @return [nil]
    # @raise [BufferOverflow] it is full: {#deliver_messages} first
    def produce(value, topic:, key: nil, headers: {}, partition: nil, partition_key: nil, create_time: Time.now)
      forget_parent if @pid != Process.pid
      require_transaction!
      message = PendingMessage.new(value: value&.to_s, key: key&.to_s, headers: headers, topic: topic.to_s,
                                   partition: partition && Integer(partition), partition_key: partition_key&.to_s, create_time: create_time)
      message = @interceptors.call(message) unless @interceptors.empty?
      refuse(message) if @buffer.size >= @max_buffer_size || @bytesize + message.bytesize >= @max_buffer_bytesize
      @buffer << message
      @bytesize += message.bytesize
      announce(message) if @instrumenter.listening?("produce_message.producer")
      nil
    end

    # Sends what is in the buffer, and waits until the brokers have confirmed it.
    # @return [nil]
    # @raise [DeliveryFailed] what failed stays in the buffer
    def deliver_messages
      forget_parent if @pid != Process.pid
      return if @buffer.empty?

      @instrumenter.instrument("deliver_messages.producer", { message_count: @buffer.size, attempts: 1 }) do |payload|
        failed, error = @transport.deliver(@buffer, &acknowledging)
        payload[:delivered_message_count] = @buffer.size - failed.size
        keep(failed)
        raise_failed(failed, error) if failed.any?
      end
      nil
    end

    # @return [Integer] messages in the buffer
    def buffer_size = @buffer.size
    # @return [Integer] bytes of their keys and values
    def buffer_bytesize = @bytesize

    # @return [nil] what was in the buffer is not sent
    def clear_buffer
      empty_buffer
      nil
    end

    # @api private
    # @return [Producer] with a buffer of its own, on the same connections
    # @raise [InvalidTxnStateError] a transaction is one thread's
    def for_another_thread
      if transactional?
        raise InvalidTxnStateError,
              "a transactional producer is for one thread: make one for each, with its own transactional_id"
      end

      dup.tap(&:clear_buffer)
    end

    # Gives up the connections, and a transaction that is open. What is in the buffer is not sent.
    # @return [void]
    def shutdown
      forget_parent if @pid != Process.pid
      abort_transaction if transaction_open?
      @transport.close
      nil
    end

    # @return [String]
    def to_s = "Producer #{transactional? ? "transactional" : "plain"} #{@transport.settings.client_id}"
    alias inspect to_s

    private

    def check_compression(codec, threshold, logger)
      return if codec.nil? || threshold.nil? || threshold <= 1

      logger.warn("compression_threshold #{threshold} has no effect: librdkafka compresses whatever it sends together")
    end

    def exactness(idempotent, id, timeout)
      return { "enable.idempotence": idempotent || nil } unless @transactional || id

      raise ArgumentError, "a transactional producer needs transactional_id, a name that no other running producer has" if id.to_s.empty?

      { "transactional.id": id, "transaction.timeout.ms": (timeout * 1_000).round, "message.timeout.ms": nil, acks: "all",
        "message.send.max.retries": nil, "max.in.flight.requests.per.connection": nil }
    end

    def empty_buffer
      @buffer = []
      @bytesize = 0
    end

    # What was buffered before a fork the parent sends.
    def forget_parent
      @pid = Process.pid
      empty_buffer
      @transaction = nil
    end

    def amount(messages) = Karafka::Amount.of(messages, "message")

    def keep(messages)
      @buffer = messages
      @bytesize = messages.sum(&:bytesize)
    end

    def refuse(message)
      size = @buffer.size >= @max_buffer_size
      limit = size ? "max_buffer_size #{amount(@max_buffer_size)}" : "max_buffer_bytesize #{@max_buffer_bytesize} bytes"
      @instrumenter.instrument("buffer_overflow.producer", { topic: message.topic })
      raise BufferOverflow, "no room for a message to #{message.topic}: #{limit} reached. Call deliver_messages, or raise the limit."
    end

    def announce(message)
      @instrumenter.instrument("produce_message.producer", {
                                 value: message.value, key: message.key, topic: message.topic, create_time: message.create_time,
                                 message_size: message.bytesize, buffer_size: @buffer.size, max_buffer_size: @max_buffer_size
                               })
    end

    def acknowledging
      return unless @instrumenter.listening?("ack_message.producer")

      lambda do |message, report|
        @instrumenter.instrument("ack_message.producer", {
                                   key: message.key, value: message.value, topic: message.topic, partition: report.partition,
                                   offset: report.offset, delay: Time.now - message.create_time
                                 })
      end
    end

    def raise_failed(failed, error)
      failed.map(&:topic).uniq.each do |topic|
        @instrumenter.instrument("topic_error.producer", { topic: topic, exception: [error.class.to_s, error.message] })
      end
      topics = failed.map(&:topic).uniq.join(", ")
      raise DeliveryFailed.new("#{amount(failed.size)} to #{topics} not delivered, and kept in the buffer: #{error.message}", failed),
            cause: ErrorNames.of(error)
    end
  end
end

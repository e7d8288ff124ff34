# frozen_string_literal: true

require_relative "../outgoing"

module Racecar
  # Sends messages for consumers, and for {Racecar.produce_sync} and its kin. One for each process; safe in threads and after a fork.
  class Producer
    # @param config [Config]
    # @param logger [Logger]
    # @param instrumenter [Instrumenter]
    def initialize(config: Racecar.config, logger: config.logger, instrumenter: config.instrumenter)
      @config = config
      @logger = logger
      @instrumenter = instrumenter
      @lock = Mutex.new
    end

    # @param value [String, nil]
    # @option options [String] :key
    # @option options [Integer] :partition
    # @option options [String] :partition_key
    # @option options [Hash] :headers
    # @option options [Time, Integer] :create_time
    # @return [void]
    # @raise [MessageDeliveryError]
    def produce_sync(given = nil, topic:, value: given, **options)
      await(send_async(value, topic, options), topic)
      nil
    end

    # @return [void]
    # @raise [MessageDeliveryError] it could not be taken
    # @see #produce_sync
    def produce_async(given = nil, topic:, value: given, **options)
      handle = send_async(value, topic, options)
      waiting&.push([handle, topic])
      nil
    end

    # @yield what this thread sends in it is waited for
    # @return [Object] what the block returns
    # @raise [MessageDeliveryError]
    def wait_for_delivery
      outer = waiting
      self.waiting = inner = []
      result = yield
      deliver(inner)
      result
    ensure
      self.waiting = outer
    end

    # @api private
    # @return [WaterDrop::DeliveryHandle]
    # @raise [MessageDeliveryError] it could not be taken
    def send_async(value, topic, options)
      message = { topic: topic.to_s, payload: value, **options.compact }
      message[:timestamp] = message.delete(:create_time) if message.key?(:create_time)
      message[:headers] = Karafka::Adapters::Outgoing.headers(message[:headers]) if message[:headers]
      return hand_over(message) unless @instrumenter.listening?("produce_message")

      @instrumenter.instrument("produce_message", about(message)) { hand_over(message) }
    end

    # Waits for all of them; raises for the first that failed only then.
    # @api private
    # @param sent [Array<Array(WaterDrop::DeliveryHandle, String)>] handles and topics
    # @return [void]
    # @raise [MessageDeliveryError]
    def deliver(sent)
      return if sent.empty?

      @instrumenter.instrument("deliver_messages", delivered_message_count: sent.size) do
        failed = sent.filter_map { |handle, topic| failure(handle, topic) }
        raise failed.first if failed.any?
      end
    end

    # @return [WaterDrop::Producer]
    def waterdrop
      @waterdrop || @lock.synchronize { @waterdrop ||= build }
    end

    # Delivers what is under way and disconnects.
    # @return [void]
    def close
      @waterdrop&.close
    end

    private

    def build
      WaterDrop::Producer.new do |config|
        config.kafka = @config.producer_kafka
        config.max_payload_size = Karafka::Adapters::Outgoing::LARGEST_BYTES
        config.logger = @logger
      end
    end

    def hand_over(message)
      waterdrop.produce_async(message).tap { |handle| report(handle, message) if @instrumenter.listening?("acknowledged_message") }
    rescue WaterDrop::Errors::ProduceError, WaterDrop::Errors::MessageInvalidError => e
      raise delivery_error(e, message[:topic])
    end

    def report(handle, message)
      handle.on_delivery do |report|
        next if report.error

        @instrumenter.instrument("acknowledged_message", { topic: message[:topic], partition: report.partition, offset: report.offset })
      end
    end

    def await(handle, topic)
      error = failure(handle, topic)
      raise error if error
    end

    def failure(handle, topic)
      # It is librdkafka that gives up, after `message_timeout`.
      handle.wait(max_wait_timeout_ms: -1)
      nil
    rescue WaterDrop::Errors::ProduceError => e
      delivery_error(e, topic)
    end

    def delivery_error(error, topic)
      @instrumenter.instrument("produce_delivery_error", { topic: topic, exception_object: error })
      raise MessageDeliveryError.new(error, topic), cause: error
    rescue MessageDeliveryError => e
      e
    end

    def about(message)
      value = message[:payload]
      { topic: message[:topic], value: value, key: message[:key], partition: message[:partition], headers: message[:headers],
        partition_key: message[:partition_key], create_time: message[:timestamp], message_size: value.to_s.bytesize,
        buffer_size: waterdrop.queue_size }
    end

    # Of one thread: a web server has many.
    def waiting = Thread.current[:racecar_deliveries]

    def waiting=(list)
      Thread.current[:racecar_deliveries] = list
    end
  end
end

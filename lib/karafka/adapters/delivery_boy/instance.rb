# frozen_string_literal: true

module DeliveryBoy
  # The producers of this process: what threads collect is their own; they share one connection, and one producer for what is sent in
  # the background.
  class Instance
    # @param config [Config]
    # @param logger [Logger]
    # @raise [ArgumentError]
    def initialize(config, logger)
      @config = config
      @logger = logger
      @lock = Mutex.new
      report_to_datadog if config.datadog_enabled
      @kafka = Kafka.new(**KafkaOptions.client(config, logger))
      @slot = :"delivery_boy_#{object_id}"
    end

    # @return [nil]
    # @raise [Kafka::DeliveryFailed]
    def deliver(value, topic:, **options)
      producer = sync_producer
      producer.produce(value, topic: topic, **options)
      producer.deliver_messages
    rescue Kafka::Error
      # The caller, who gets the error, sends it again or does not.
      producer&.clear_buffer
      raise
    end

    # @return [nil]
    # @raise [Kafka::BufferOverflow]
    def deliver_async!(value, topic:, key: nil, headers: nil, partition: nil, partition_key: nil, create_time: nil)
      (@background || background).produce(value, topic: topic, key: key, headers: headers, partition: partition,
                                                 partition_key: partition_key, create_time: create_time)
    end

    # @return [nil]
    # @raise [Kafka::BufferOverflow]
    def produce(value, topic:, **options) = sync_producer.produce(value, topic: topic, **options)

    # @return [nil]
    # @raise [Kafka::DeliveryFailed]
    def deliver_messages = sync_producer.deliver_messages

    # @return [nil]
    def clear_buffer = sync_producer.clear_buffer

    # @return [Integer]
    def buffer_size = sync_producer.buffer_size

    # @return [nil]
    def shutdown
      @background&.shutdown
      @shared&.shutdown
      nil
    end

    private

    def sync_producer
      Thread.current.thread_variable_get(@slot) || begun(Thread.current)
    end

    # A transactional producer is one thread's; else all of them share what is below the buffers.
    def begun(thread)
      producer = @lock.synchronize do
        @shared ||= @kafka.producer(**KafkaOptions.sync(@config))
        @taken ? @shared.for_another_thread : @shared.tap { @taken = true }
      end
      thread.thread_variable_set(@slot, producer)
      producer
    end

    def background
      @lock.synchronize { @background ||= @kafka.async_producer(**KafkaOptions.async(@config)) }
    end

    def report_to_datadog
      require "kafka/datadog"
      %i[host port namespace tags].each do |name|
        value = @config.public_send(:"datadog_#{name}")
        Kafka::Datadog.public_send(:"#{name}=", value) if value
      end
    end
  end
end

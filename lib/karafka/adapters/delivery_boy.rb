# frozen_string_literal: true

require "logger"
%w[config_types config kafka_options instance fake].each { |file| require_relative "delivery_boy/#{file}" }

# The surface of delivery_boy 1.3 on this engine: one line sends a message.
#
# @example
#   DeliveryBoy.deliver("Hello!", topic: "greetings")
#   DeliveryBoy.deliver_async({ id: 1 }.to_json, topic: "activity", key: "1")
module DeliveryBoy
  # The version of delivery_boy whose surface this is.
  VERSION = "1.3.0"

  @lock = Mutex.new

  class << self
    # Sends and waits for the answer.
    # @param value [#to_s, nil]
    # @param topic [#to_s]
    # @param options [Hash{Symbol=>Object}] key, partition, partition_key, headers, create_time
    # @return [nil]
    # @raise [Kafka::DeliveryFailed]
    def deliver(value, topic:, **options)
      instance.deliver(value, topic: topic, **options)
    end

    # As {deliver_async!}; where there is no room, the message is dropped, and logged.
    # @return [nil]
    def deliver_async(value, topic:, key: nil, headers: nil, partition: nil, partition_key: nil, create_time: nil)
      deliver_async!(value, topic: topic, key: key, headers: headers, partition: partition, partition_key: partition_key,
                            create_time: create_time)
    rescue Kafka::BufferOverflow => e
      dropped(topic, e)
    end

    # Sends in the background. The options by name, as this is called often: passed on so, they cost no Hash.
    # @param value [#to_s, nil]
    # @param topic [#to_s]
    # @return [nil]
    # @raise [Kafka::BufferOverflow] max_queue_size and max_buffer_size messages wait for their answers
    def deliver_async!(value, topic:, key: nil, headers: nil, partition: nil, partition_key: nil, create_time: nil)
      (@instance || instance).deliver_async!(value, topic: topic, key: key, headers: headers, partition: partition,
                                                    partition_key: partition_key, create_time: create_time)
    end

    # As {produce!}; where there is no room, the message is dropped, and logged.
    # @return [nil]
    def produce(value, topic:, **options)
      produce!(value, topic: topic, **options)
    rescue Kafka::BufferOverflow => e
      dropped(topic, e)
    end

    # Collects a message in this thread until {deliver_messages}.
    # @return [nil]
    # @raise [Kafka::BufferOverflow]
    def produce!(value, topic:, **options)
      instance.produce(value, topic: topic, **options)
    end

    # Sends what this thread has collected, and waits for the answers.
    # @return [nil]
    # @raise [Kafka::DeliveryFailed] what failed stays in the buffer
    def deliver_messages = instance.deliver_messages

    # @return [nil] what this thread has collected is not sent
    def clear_buffer = instance.clear_buffer

    # @return [Integer] messages that this thread has collected
    def buffer_size = instance.buffer_size

    # Sends what is left, and ends. Called when the process exits, too. What is sent after that has producers of its own.
    # @return [nil]
    def shutdown
      ended = @instance
      # The next instance is ended at the exit as well, also where that has begun.
      @instance = @ends = nil unless ended.equal?(@testing)
      ended&.shutdown
      nil
    end

    # @return [Logger]
    def logger = @logger ||= Logger.new($stdout, level: Logger::WARN)

    # @param logger [Logger]
    attr_writer :logger

    # @return [Config] `config/delivery_boy.yml` and DELIVERY_BOY_… are read with the first call
    # @raise [ConfigError]
    def config
      @config || @lock.synchronize { @config ||= Config.new.tap(&:load_application) }
    end

    # @yieldparam config [Config]
    # @return [void]
    # @raise [ConfigError]
    def configure
      yield config
    end

    # @return [void] it is read again
    def clear_config! = @lock.synchronize { @config = nil }

    # From now on messages are kept in memory: {testing} has them.
    # @return [Fake]
    def test_mode! = @instance = testing

    # @return [Fake]
    def testing = @testing ||= Fake.new

    private

    def instance
      @instance || @lock.synchronize { @instance ||= begun }
    end

    def begun
      @config ||= Config.new.tap(&:load_application)
      at_exit { shutdown } unless @ends
      @ends = true
      Instance.new(@config, logger)
    end

    def dropped(topic, error)
      logger.error("a message for #{topic} was dropped: #{error.message}")
      nil
    end
  end
end

require_relative "delivery_boy/railtie" if defined?(Rails::Railtie)

# frozen_string_literal: true

module Racecar
  # What consumer classes inherit from. One instance serves a process: all topics and partitions that it has, one batch at a time.
  #
  # @example
  #   class UserBanConsumer < Racecar::Consumer
  #     subscribes_to "user_banned"
  #
  #     def process(message)
  #       User.find(JSON.parse(message.value)["user_id"]).update!(banned: true)
  #     end
  #   end
  class Consumer
    # `max_bytes_per_partition` in bytes; `additional_config` are settings of librdkafka.
    Subscription = Struct.new(:topic, :start_from_beginning, :max_bytes_per_partition, :additional_config)

    class << self
      # @return [String, nil] instead of prefix and class name
      attr_accessor :group_id
      # @return [Numeric, nil] seconds that a batch may wait for more messages
      attr_accessor :max_wait_time
      # @return [Integer, nil] most messages of a batch
      attr_accessor :fetch_messages
      # @return [Integer, nil] processes to fork
      attr_accessor :parallel_workers

      # May be called several times.
      # @param topics [Array<String>] one that begins with ^ is a pattern
      # @param start_from_beginning [Boolean] where the group has no offset yet
      # @param max_bytes_per_partition [Integer]
      # @param additional_config [Hash] settings of librdkafka
      # @return [void]
      def subscribes_to(*topics, start_from_beginning: true, max_bytes_per_partition: 1_048_576, additional_config: {})
        topics.each do |topic|
          subscriptions << Subscription.new(topic.to_s, start_from_beginning, max_bytes_per_partition, additional_config)
        end
      end

      # @return [Array<Subscription>]
      def subscriptions
        @subscriptions ||= []
      end
    end

    # Called before the first message.
    # @param producer [Producer]
    # @param consumer [Object, nil] of the gem rdkafka in racecar; nil here
    # @param instrumenter [Instrumenter]
    # @param config [Config]
    # @return [void]
    def configure(producer:, consumer: nil, instrumenter: NullInstrumenter, config: Racecar.config)
      @producer = producer
      @consumer = consumer
      @instrumenter = instrumenter
      @config = config
    end

    # Called when the process stops, after the last message.
    # @return [void]
    def teardown; end

    # Waits until all that was sent with {#produce} is delivered.
    # @return [void]
    # @raise [MessageDeliveryError]
    def deliver!
      return if @racecar_sent.nil? || @racecar_sent.empty?

      sent = @racecar_sent
      # What failed fails once: the messages come again, and send theirs anew.
      @racecar_sent = []
      racecar_producer.deliver(sent)
    end

    # Sends a message. After `process` or `process_batch` the delivery is waited for; if it fails, so does the batch.
    # @param payload [String, nil]
    # @param topic [String]
    # @param key [String, nil]
    # @param partition [Integer, nil]
    # @param partition_key [String, nil] what chooses the partition instead of the key
    # @param headers [Hash, nil]
    # @param create_time [Time, Integer, nil]
    # @return [void]
    # @raise [MessageDeliveryError] it could not be taken
    def produce(payload, topic:, key: nil, partition: nil, partition_key: nil, headers: nil, create_time: nil)
      options = { key: key, partition: partition, partition_key: partition_key, headers: headers, create_time: create_time }
      (@racecar_sent ||= []) << [racecar_producer.send_async(payload, topic, options), topic]
      nil
    end

    # Of racecar 1.x. Heartbeats are sent in the background.
    # @return [void]
    def heartbeat
      return if @racecar_warned

      @racecar_warned = true
      Racecar.logger.warn("#{self.class} calls `heartbeat`, which is not needed: delete it")
    end

    private

    # A consumer's `initialize` does not call ours.
    def racecar_producer
      @producer || Racecar.producer
    end
  end
end

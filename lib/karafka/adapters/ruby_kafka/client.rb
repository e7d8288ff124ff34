# frozen_string_literal: true

module Kafka
  # What `Kafka.new` gives: producers, consumers and administration of one cluster. Makes no connection before it is needed.
  class Client
    include Administration
    include Reading

    # @param seed_brokers [String, Array<String>] `host:port`, `kafka://host:port`, `kafka+ssl://host:port`
    # @param client_id [String]
    # @param logger [Logger, nil] nil: nothing is logged
    # @param connect_timeout [Numeric, nil] seconds
    # @param socket_timeout [Numeric, nil] seconds
    # @param partitioner [#call, nil] takes the number of partitions and the {PendingMessage}
    # @param options [Hash{Symbol=>Object}] `ssl_…`, `sasl_…` and resolve_seed_brokers, as ruby-kafka's
    # @raise [ArgumentError] SASL without SSL and without sasl_over_ssl: false; an unknown name
    def initialize(seed_brokers:, client_id: "ruby-kafka", logger: nil, connect_timeout: nil, socket_timeout: nil, partitioner: nil,
                   **options)
      @settings = Settings.new(seed_brokers: seed_brokers, client_id: client_id, logger: logger, connect_timeout: connect_timeout,
                               socket_timeout: socket_timeout, partitioner: partitioner, **options)
      @lock = Mutex.new
      @own = {}
    end

    # Sends one message and waits for the answer.
    # @param value [#to_s, nil]
    # @param retries [Integer]
    # @return [nil]
    # @raise [DeliveryFailed]
    def deliver_message(value, topic:, key: nil, headers: {}, partition: nil, partition_key: nil, retries: 1)
      message = PendingMessage.new(value: value&.to_s, key: key&.to_s, headers: headers, topic: topic.to_s, partition: partition,
                                   partition_key: partition_key&.to_s, create_time: Time.now)
      failed, error = transport(retries).deliver([message])
      return if failed.empty?

      raise DeliveryFailed.new("the message to #{topic} was not delivered: #{error.message}", failed), cause: ErrorNames.of(error)
    end

    # @param options [Hash{Symbol=>Object}] compression_codec, ack_timeout, required_acks, max_retries, retry_backoff, max_buffer_size,
    #   max_buffer_bytesize, idempotent, transactional, transactional_id, transactional_timeout, interceptors
    # @return [Producer]
    # @raise [ArgumentError]
    def producer(**options) = Producer.new(@settings, **options)

    # @param options [Hash{Symbol=>Object}] as {#producer}; delivery_interval, delivery_threshold, max_queue_size
    # @return [AsyncProducer]
    # @raise [ArgumentError]
    def async_producer(**options) = AsyncProducer.new(@settings, **options)

    # @param group_id [String]
    # @param options [Hash{Symbol=>Object}] session_timeout, rebalance_timeout, offset_commit_interval, offset_commit_threshold,
    #   heartbeat_interval, refresh_topic_interval, interceptors, assignment_strategy; times in seconds
    # @return [Consumer]
    # @raise [ArgumentError]
    def consumer(group_id:, **options) = Consumer.new(@settings, group_id: group_id, **options)

    # @return [Array<ApiInfo>] which requests a broker takes
    # @raise [ConnectionError]
    def apis = ApiVersions.new(@settings.with({})).ask

    # @param api_key [Integer] such as {Protocol::PRODUCE_API}
    # @param version [Integer, nil] nil: any
    # @return [Boolean]
    def supports_api?(api_key, version = nil)
      api = apis.find { |candidate| candidate.api_key == api_key }
      !api.nil? && (version.nil? || api.version_supported?(version))
    end

    # Gives up the connections of {#deliver_message}. Producers and consumers end by themselves.
    # @return [nil]
    def close
      @lock.synchronize { @own.each_value(&:close).clear }
      nil
    end

    # @return [String]
    def inspect = "#<#{self.class} #{@settings.client_id}>"

    private

    def transport(retries)
      @lock.synchronize do
        @own[retries] ||= Transport.new(@settings, required_acks: :all, ack_timeout: 5, max_retries: retries, retry_backoff: 1,
                                                   compression_codec: nil)
      end
    end
  end
end

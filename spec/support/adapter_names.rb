# frozen_string_literal: true

# The public names of ruby-kafka 1.5 and delivery_boy 1.3 that applications call: each exists in its adapter, and an example uses it.
module AdapterNames
  RUBY_KAFKA = {
    "Kafka" => %i[new],
    "Kafka::Client" => %i[
      producer async_producer consumer deliver_message fetch_messages each_message topics has_topic? partitions_for replica_count_for
      last_offset_for last_offsets_for create_topic delete_topic alter_topic describe_topic create_partitions_for describe_configs
      alter_configs groups describe_group fetch_group_offsets brokers controller_broker apis supports_api? close
    ],
    "Kafka::Producer" => %i[
      produce deliver_messages buffer_size buffer_bytesize clear_buffer shutdown init_transactions begin_transaction commit_transaction
      abort_transaction send_offsets_to_transaction transaction
    ],
    "Kafka::AsyncProducer" => %i[produce deliver_messages shutdown],
    "Kafka::Consumer" => %i[
      subscribe each_message each_batch mark_message_as_processed commit_offsets seek stop pause resume paused? trigger_heartbeat
      trigger_heartbeat!
    ],
    "Kafka::FetchedMessage" => %i[topic partition offset key value headers create_time is_control_record],
    "Kafka::FetchedBatch" => %i[topic partition messages first_offset last_offset highwater_mark_offset offset_lag empty?
                                unknown_last_offset?],
    "Kafka::PendingMessage" => %i[value key headers topic partition partition_key create_time bytesize],
    "Kafka::DeliveryFailed" => %i[failed_messages],
    "Kafka::ProcessingError" => %i[topic partition offset],
    "Kafka::Partitioner" => %i[call]
  }.freeze

  # Options, in seconds and bytes, that an example gives.
  OPTIONS = %i[
    seed_brokers client_id connect_timeout socket_timeout partitioner ssl_ca_cert ssl_client_cert ssl_client_cert_key ssl_verify_hostname
    ssl_ca_certs_from_system sasl_plain_username sasl_plain_password sasl_scram_username sasl_scram_password sasl_scram_mechanism
    sasl_gssapi_principal sasl_gssapi_keytab sasl_over_ssl sasl_oauth_token_provider
    compression_codec ack_timeout required_acks max_retries retry_backoff max_buffer_size max_buffer_bytesize idempotent transactional
    transactional_id transactional_timeout interceptors delivery_interval delivery_threshold max_queue_size
    group_id session_timeout offset_commit_interval offset_commit_threshold heartbeat_interval fetcher_max_queue_size
    refresh_topic_interval assignment_strategy default_offset start_from_beginning max_bytes_per_partition
    min_bytes max_bytes max_wait_time automatically_mark_as_processed
  ].freeze

  ERRORS = %w[
    Error ProcessingError ProtocolError UnknownError OffsetOutOfRange CorruptMessage UnknownTopicOrPartition InvalidMessageSize
    LeaderNotAvailable NotLeaderForPartition RequestTimedOut BrokerNotAvailable ReplicaNotAvailable MessageSizeTooLarge
    StaleControllerEpoch OffsetMetadataTooLarge NetworkException CoordinatorLoadInProgress CoordinatorNotAvailable NotCoordinatorForGroup
    InvalidTopic RecordListTooLarge NotEnoughReplicas NotEnoughReplicasAfterAppend InvalidRequiredAcks IllegalGeneration
    InconsistentGroupProtocol InvalidGroupId UnknownMemberId InvalidSessionTimeout RebalanceInProgress InvalidCommitOffsetSize
    TopicAuthorizationFailed GroupAuthorizationFailed ClusterAuthorizationFailed InvalidTimestamp UnsupportedSaslMechanism InvalidSaslState
    UnsupportedVersion TopicAlreadyExists InvalidPartitions InvalidReplicationFactor InvalidReplicaAssignment InvalidConfig NotController
    InvalidRequest UnsupportedForMessageFormat PolicyViolation OutOfOrderSequenceNumberError DuplicateSequenceNumberError
    InvalidProducerEpochError InvalidTxnStateError InvalidProducerIDMappingError InvalidTransactionTimeoutError ConcurrentTransactionError
    TransactionCoordinatorFencedError ConnectionError IdleConnection BufferOverflow DeliveryFailed HeartbeatError OffsetCommitError
    FetchError NoPartitionsToFetchFrom MessageTooLargeToRead SaslScramError FailedScramAuthentication TokenMethodNotImplementedError
    InsufficientDataMessage NoSuchBroker
  ].freeze

  REQUIRES = %w[kafka kafka/statsd kafka/datadog kafka/prometheus delivery_boy delivery_boy/rspec].freeze

  DELIVERY_BOY = {
    "DeliveryBoy" => %i[
      deliver deliver_async deliver_async! produce produce! deliver_messages clear_buffer buffer_size shutdown logger logger= config
      configure clear_config! test_mode! testing
    ],
    "DeliveryBoy::Instance" => %i[deliver deliver_async! produce deliver_messages clear_buffer buffer_size shutdown],
    "DeliveryBoy::Fake" => %i[deliver deliver_async! produce deliver_messages clear_buffer buffer_size shutdown clear messages_for],
    "DeliveryBoy::Config" => %i[load_file get set]
  }.freeze
end

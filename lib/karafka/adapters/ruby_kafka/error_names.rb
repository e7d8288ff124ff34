# frozen_string_literal: true

module Kafka
  # Errors of the engine under ruby-kafka's names.
  # @api private
  module ErrorNames
    # librdkafka's code => ruby-kafka's class.
    CLASSES = {
      unknown: UnknownError, offset_out_of_range: OffsetOutOfRange, invalid_msg: CorruptMessage, bad_msg: CorruptMessage,
      unknown_topic_or_part: UnknownTopicOrPartition, unknown_topic: UnknownTopicOrPartition, unknown_partition: UnknownTopicOrPartition,
      invalid_msg_size: InvalidMessageSize, leader_not_available: LeaderNotAvailable, not_leader_for_partition: NotLeaderForPartition,
      request_timed_out: RequestTimedOut, broker_not_available: BrokerNotAvailable, replica_not_available: ReplicaNotAvailable,
      msg_size_too_large: MessageSizeTooLarge, stale_ctrl_epoch: StaleControllerEpoch,
      offset_metadata_too_large: OffsetMetadataTooLarge, network_exception: NetworkException,
      coordinator_load_in_progress: CoordinatorLoadInProgress, coordinator_not_available: CoordinatorNotAvailable,
      not_coordinator: NotCoordinatorForGroup, topic_exception: InvalidTopic, record_list_too_large: RecordListTooLarge,
      not_enough_replicas: NotEnoughReplicas, not_enough_replicas_after_append: NotEnoughReplicasAfterAppend,
      invalid_required_acks: InvalidRequiredAcks, illegal_generation: IllegalGeneration,
      inconsistent_group_protocol: InconsistentGroupProtocol, invalid_group_id: InvalidGroupId, unknown_member_id: UnknownMemberId,
      invalid_session_timeout: InvalidSessionTimeout, rebalance_in_progress: RebalanceInProgress,
      invalid_commit_offset_size: InvalidCommitOffsetSize, topic_authorization_failed: TopicAuthorizationFailed,
      group_authorization_failed: GroupAuthorizationFailed, cluster_authorization_failed: ClusterAuthorizationFailed,
      invalid_timestamp: InvalidTimestamp, unsupported_sasl_mechanism: UnsupportedSaslMechanism, illegal_sasl_state: InvalidSaslState,
      unsupported_version: UnsupportedVersion, topic_already_exists: TopicAlreadyExists, invalid_partitions: InvalidPartitions,
      invalid_replication_factor: InvalidReplicationFactor, invalid_replica_assignment: InvalidReplicaAssignment,
      invalid_config: InvalidConfig, not_controller: NotController, invalid_request: InvalidRequest,
      unsupported_for_message_format: UnsupportedForMessageFormat, policy_violation: PolicyViolation,
      out_of_order_sequence_number: OutOfOrderSequenceNumberError, duplicate_sequence_number: DuplicateSequenceNumberError,
      invalid_producer_epoch: InvalidProducerEpochError, fenced: InvalidProducerEpochError, producer_fenced: InvalidProducerEpochError,
      invalid_txn_state: InvalidTxnStateError, state: InvalidTxnStateError,
      invalid_producer_id_mapping: InvalidProducerIDMappingError, invalid_transaction_timeout: InvalidTransactionTimeoutError,
      concurrent_transactions: ConcurrentTransactionError, transaction_coordinator_fenced: TransactionCoordinatorFencedError,
      sasl_authentication_failed: FailedScramAuthentication, authentication: FailedScramAuthentication,
      transport: ConnectionError, all_brokers_down: ConnectionError, resolve: ConnectionError, timed_out: ConnectionError,
      timed_out_queue: ConnectionError, msg_timed_out: ConnectionError, ssl: ConnectionError
    }.freeze

    # About what the caller has written.
    SETTINGS = [
      Karafka::Errors::InvalidConfigurationError, Karafka::Errors::UnsupportedFeatureError, WaterDrop::Errors::ConfigurationInvalidError,
      WaterDrop::Errors::MessageInvalidError
    ].freeze

    module_function

    # @param error [Exception] of the engine
    # @return [Error] to be raised with it as `cause`
    def of(error)
      return error if error.is_a?(Error)

      CLASSES.fetch(code(error)) { error.is_a?(Karafka::Errors::TimeoutError) ? ConnectionError : UnknownError }.new(error.message)
    end

    # @yieldreturn [Object]
    # @return [Object] what the block gives
    # @raise [Error] instead of the engine's errors
    # @raise [ArgumentError] instead of what it says of settings
    def translated
      yield
    rescue *SETTINGS => e
      raise ArgumentError, e.message
    rescue Karafka::Errors::BaseError => e
      raise of(e)
    end

    def code(error)
      error = error.cause unless error.respond_to?(:code) && error.code
      error.code&.to_sym if error.respond_to?(:code)
    end
  end
end

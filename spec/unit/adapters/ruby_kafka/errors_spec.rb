# frozen_string_literal: true

require "karafka/compat/ruby-kafka"

RSpec.describe Kafka::ErrorNames do
  # librdkafka's code => what applications of ruby-kafka rescue.
  named = {
    unknown: Kafka::UnknownError, offset_out_of_range: Kafka::OffsetOutOfRange, invalid_msg: Kafka::CorruptMessage,
    bad_msg: Kafka::CorruptMessage, unknown_topic_or_part: Kafka::UnknownTopicOrPartition, unknown_topic: Kafka::UnknownTopicOrPartition,
    unknown_partition: Kafka::UnknownTopicOrPartition, invalid_msg_size: Kafka::InvalidMessageSize,
    leader_not_available: Kafka::LeaderNotAvailable, not_leader_for_partition: Kafka::NotLeaderForPartition,
    request_timed_out: Kafka::RequestTimedOut, broker_not_available: Kafka::BrokerNotAvailable,
    replica_not_available: Kafka::ReplicaNotAvailable, msg_size_too_large: Kafka::MessageSizeTooLarge,
    stale_ctrl_epoch: Kafka::StaleControllerEpoch, offset_metadata_too_large: Kafka::OffsetMetadataTooLarge,
    network_exception: Kafka::NetworkException, coordinator_load_in_progress: Kafka::CoordinatorLoadInProgress,
    coordinator_not_available: Kafka::CoordinatorNotAvailable, not_coordinator: Kafka::NotCoordinatorForGroup,
    topic_exception: Kafka::InvalidTopic, record_list_too_large: Kafka::RecordListTooLarge, not_enough_replicas: Kafka::NotEnoughReplicas,
    not_enough_replicas_after_append: Kafka::NotEnoughReplicasAfterAppend, invalid_required_acks: Kafka::InvalidRequiredAcks,
    illegal_generation: Kafka::IllegalGeneration, inconsistent_group_protocol: Kafka::InconsistentGroupProtocol,
    invalid_group_id: Kafka::InvalidGroupId, unknown_member_id: Kafka::UnknownMemberId,
    invalid_session_timeout: Kafka::InvalidSessionTimeout, rebalance_in_progress: Kafka::RebalanceInProgress,
    invalid_commit_offset_size: Kafka::InvalidCommitOffsetSize, topic_authorization_failed: Kafka::TopicAuthorizationFailed,
    group_authorization_failed: Kafka::GroupAuthorizationFailed, cluster_authorization_failed: Kafka::ClusterAuthorizationFailed,
    invalid_timestamp: Kafka::InvalidTimestamp, unsupported_sasl_mechanism: Kafka::UnsupportedSaslMechanism,
    illegal_sasl_state: Kafka::InvalidSaslState, unsupported_version: Kafka::UnsupportedVersion,
    topic_already_exists: Kafka::TopicAlreadyExists, invalid_partitions: Kafka::InvalidPartitions,
    invalid_replication_factor: Kafka::InvalidReplicationFactor, invalid_replica_assignment: Kafka::InvalidReplicaAssignment,
    invalid_config: Kafka::InvalidConfig, not_controller: Kafka::NotController, invalid_request: Kafka::InvalidRequest,
    unsupported_for_message_format: Kafka::UnsupportedForMessageFormat, policy_violation: Kafka::PolicyViolation,
    out_of_order_sequence_number: Kafka::OutOfOrderSequenceNumberError,
    duplicate_sequence_number: Kafka::DuplicateSequenceNumberError, invalid_producer_epoch: Kafka::InvalidProducerEpochError,
    fenced: Kafka::InvalidProducerEpochError, producer_fenced: Kafka::InvalidProducerEpochError,
    invalid_txn_state: Kafka::InvalidTxnStateError, state: Kafka::InvalidTxnStateError,
    invalid_producer_id_mapping: Kafka::InvalidProducerIDMappingError,
    invalid_transaction_timeout: Kafka::InvalidTransactionTimeoutError, concurrent_transactions: Kafka::ConcurrentTransactionError,
    transaction_coordinator_fenced: Kafka::TransactionCoordinatorFencedError, sasl_authentication_failed: Kafka::FailedScramAuthentication,
    authentication: Kafka::FailedScramAuthentication, transport: Kafka::ConnectionError, all_brokers_down: Kafka::ConnectionError,
    resolve: Kafka::ConnectionError, timed_out: Kafka::ConnectionError, timed_out_queue: Kafka::ConnectionError,
    msg_timed_out: Kafka::ConnectionError, ssl: Kafka::ConnectionError
  }
  # They are rescued by applications, and librdkafka has nothing that would be one.
  never = [Kafka::HeartbeatError, Kafka::FetchError, Kafka::NoPartitionsToFetchFrom, Kafka::MessageTooLargeToRead, Kafka::IdleConnection,
           Kafka::InsufficientDataMessage]

  it "raises each error of the engine under its name in ruby-kafka, with the engine's as cause" do
    expect(described_class::CLASSES.keys - named.keys).to eq([])
    named.each do |code, error|
      described_class.translated { raise Karafka::Errors::KafkaError.new("words", code: code) }
    rescue Kafka::Error => e
      expect([e.class, e.message, e.cause.class]).to eq([error, "words", Karafka::Errors::KafkaError]), code.to_s
    end
  end

  it "raises what it does not know as a Kafka::UnknownError, and a time that is over as a Kafka::ConnectionError" do
    expect(described_class.of(Karafka::Errors::KafkaError.new("new", code: :of_next_year))).to be_a(Kafka::UnknownError)
    expect(described_class.of(Karafka::Errors::TimeoutError.new("late"))).to be_a(Kafka::ConnectionError)
  end

  it "has the errors that are rescued and cannot happen" do
    expect(never).to all(be < Kafka::Error)
  end

  it "says in a Kafka::NoSuchBroker that there is no controller, and in a Kafka::OffsetCommitError why a commit failed" do
    client = Kafka.new("127.0.0.1:9")
    allow(client).to receive(:asked).and_return(Struct.new(:brokers, :controller_id).new([], 5))
    expect { client.controller_broker }.to raise_error(Kafka::NoSuchBroker, /controller/)
    consumer = client.consumer(group_id: "g")
    lease = Object.new
    def lease.commit_sync = raise(Karafka::Errors::KafkaError.new("not now", code: :rebalance_in_progress))
    allow(consumer.instance_variable_get(:@positions)).to receive(:leases).and_return([lease])
    expect { consumer.commit_offsets }.to raise_error(Kafka::OffsetCommitError, "not now")
  end
end

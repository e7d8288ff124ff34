# frozen_string_literal: true

# Errors of ruby-kafka. `rescue Kafka::Error` gets all of them.
module Kafka
  # Common ancestor.
  class Error < StandardError; end

  # The block of a consumer raised; `cause` has what. The loop has ended, and what was processed before is committed.
  class ProcessingError < Error
    # @return [String]
    attr_reader :topic
    # @return [Integer]
    attr_reader :partition
    # @return [Integer, Range] a Range of a batch's offsets in {Consumer#each_batch}
    attr_reader :offset

    def initialize(topic, partition, offset)
      @topic = topic
      @partition = partition
      @offset = offset
      super("processing #{topic}/#{partition} at offset #{offset} failed; it is delivered again when the group consumes it next")
    end
  end

  # An error that a broker has answered with.
  class ProtocolError < Error; end

  # What each error of a broker is called.
  %i[
    UnknownError CorruptMessage UnknownTopicOrPartition InvalidMessageSize LeaderNotAvailable NotLeaderForPartition RequestTimedOut
    BrokerNotAvailable ReplicaNotAvailable MessageSizeTooLarge StaleControllerEpoch OffsetMetadataTooLarge NetworkException
    CoordinatorLoadInProgress CoordinatorNotAvailable NotCoordinatorForGroup InvalidTopic RecordListTooLarge NotEnoughReplicas
    NotEnoughReplicasAfterAppend InvalidRequiredAcks IllegalGeneration InconsistentGroupProtocol InvalidGroupId UnknownMemberId
    InvalidSessionTimeout RebalanceInProgress InvalidCommitOffsetSize TopicAuthorizationFailed GroupAuthorizationFailed
    ClusterAuthorizationFailed InvalidTimestamp UnsupportedSaslMechanism InvalidSaslState UnsupportedVersion TopicAlreadyExists
    InvalidPartitions InvalidReplicationFactor InvalidReplicaAssignment InvalidConfig NotController InvalidRequest
    UnsupportedForMessageFormat PolicyViolation
  ].each { |name| const_set(name, Class.new(ProtocolError)) }

  # A position that the log does not have (any more).
  class OffsetOutOfRange < ProtocolError
    # @return [String, nil]
    attr_accessor :topic
    # @return [Integer, nil]
    attr_accessor :partition, :offset
  end

  # Of transactions and of the idempotent producer; a connection, a buffer or a group that is in trouble.
  %i[
    OutOfOrderSequenceNumberError DuplicateSequenceNumberError InvalidProducerEpochError InvalidTxnStateError
    InvalidProducerIDMappingError InvalidTransactionTimeoutError ConcurrentTransactionError TransactionCoordinatorFencedError
    HeartbeatError OffsetCommitError FetchError NoPartitionsToFetchFrom MessageTooLargeToRead BufferOverflow ConnectionError
    IdleConnection SaslScramError TokenMethodNotImplementedError InsufficientDataMessage NoSuchBroker
  ].each { |name| const_set(name, Class.new(Error)) }

  # Wrong name or password.
  class FailedScramAuthentication < SaslScramError; end

  # Messages that no broker has confirmed, though all retries are used up.
  class DeliveryFailed < Error
    # @return [Array<PendingMessage>] still in the buffer of the producer: the next {Producer#deliver_messages} sends them
    attr_reader :failed_messages

    def initialize(message, failed_messages)
      @failed_messages = failed_messages
      super(message)
    end
  end
end

# frozen_string_literal: true

require "timeout"

module WaterDrop
  # Errors of producing. All are {Karafka::Errors::BaseError}s too.
  module Errors
    # Common ancestor: `rescue WaterDrop::Errors::BaseError` gets all of them.
    class BaseError < Karafka::Errors::BaseError; end

    # A setting that cannot work; the message names it, its value and what is allowed.
    class ConfigurationInvalidError < BaseError; end

    # Used before {Producer#setup}.
    class ProducerNotConfiguredError < BaseError; end

    # Used after {Producer#close}.
    class ProducerClosedError < BaseError; end

    # `setup` was called a second time.
    class ProducerAlreadyConfiguredError < BaseError; end

    # {Producer#with} was given what cannot differ, or cannot be.
    class VariantInvalidError < BaseError; end

    # {ConnectionPool.setup} was not called.
    class ConnectionPoolNotConfiguredError < BaseError; end

    # WaterDrop raises it where {ConnectionPool.setup} is called a second time. Here that closes the earlier pool: it is never
    # raised, and exists for code that rescues it.
    class ConnectionPoolAlreadyConfiguredError < BaseError; end

    # Used after {ConnectionPool#close}.
    class ConnectionPoolClosedError < BaseError; end

    # All producers of a pool were in use for too long. A `Timeout::Error`, as what the gem connection_pool raises; a rescue of
    # {BaseError} takes it, too.
    class ConnectionPoolTimeoutError < ::Timeout::Error
      # For classes that it cannot inherit from as well.
      module Included
        # @param error [Object]
        # @return [Boolean]
        def ===(error)
          super || (covers? && error.is_a?(ConnectionPoolTimeoutError))
        end

        private

        # Classes that inherit from these do not.
        def covers? = equal?(BaseError) || equal?(Karafka::Errors::BaseError)
      end
      private_constant :Included
      BaseError.extend(Included)
      Karafka::Errors::BaseError.extend(Included)
    end

    # A message that cannot be taken. Of the call it came with, nothing was.
    class MessageInvalidError < BaseError
      # @return [Symbol] which part of the message, such as :topic
      attr_reader :field
      # @return [Integer] which message of the call
      attr_reader :index

      # @param message [String]
      # @param field [Symbol]
      # @param index [Integer]
      def initialize(message, field: :message, index: 0)
        @field = field
        @index = index
        super(message)
      end
    end

    # A message was refused, or not delivered. `cause` is a {Karafka::Errors::KafkaError}, or a
    # {Karafka::Errors::TimeoutError} where the answer did not come in time (it may still come).
    class ProduceError < BaseError
      # @return [Symbol, nil] librdkafka's name of the error, such as :queue_full
      def code
        cause.code if cause.respond_to?(:code)
      end

      # @return [Boolean] whether the producer can send nothing more
      def fatal?
        cause.respond_to?(:fatal?) && cause.fatal?
      end

      # @return [Boolean] whether sending the message again may work
      def retryable?
        cause.respond_to?(:retryable?) && cause.retryable?
      end
    end

    # As {ProduceError}, for several messages.
    class ProduceManyError < ProduceError
      # @return [Array<DeliveryHandle>] handles of the messages that were handed over, in order
      attr_reader :dispatched

      # @param message [String]
      # @param dispatched [Array<DeliveryHandle>]
      def initialize(message, dispatched)
        @dispatched = dispatched
        super(message)
      end
    end

    # A step of a transaction failed. `cause` is a {Karafka::Errors::KafkaError}.
    class TransactionError < ProduceError
      # @return [:abortable, :fatal, :stuck, :timed_out, :fenced] the transaction was aborted; the client is replaced by a new
      #   one; it gave no answer in time and is replaced; the transaction took longer than `transaction.timeout.ms`, and the
      #   client is replaced; another producer with the same transactional id has taken over
      attr_reader :kind
      # @return [:init, :begin, :send_offsets, :commit, :abort]
      attr_reader :step

      # @param message [String]
      # @param kind [Symbol]
      # @param step [Symbol]
      def initialize(message, kind: :abortable, step: :commit)
        @kind = kind
        @step = step
        super(message)
      end

      # @return [Boolean] whether the broker may have committed all the same
      def in_doubt?
        step == :commit && kind != :abortable
      end

      # @return [Boolean] whether this producer can do nothing more
      def fenced?
        kind == :fenced
      end
    end

    # A thread waits for its turn, while another one has been in a transaction of the same producer for longer than a broker
    # allows. Mostly that one waits for this one.
    class TransactionTurnError < ProduceError; end

    # The block of a transaction was left by break, return or throw. It was aborted.
    class EarlyTransactionExitNotAllowedError < BaseError; end

    # A transaction without "transactional.id".
    class ProducerNotTransactionalError < BaseError; end

    # What belongs into a transaction was called outside of one.
    class TransactionRequiredError < BaseError; end

    # `close` inside of a transaction of that producer.
    class ProducerTransactionalCloseAttemptError < BaseError; end

    # {Producer#transaction_mark_as_consumed} was given no consumer.
    class TransactionalOffsetInvalidError < BaseError; end

    # Somebody subscribes to `statistics.emitted` of a producer that was started without: nobody listened then, and
    # `statistics.interval.ms` was not set.
    class StatisticsNotEnabledError < BaseError; end

    # WaterDrop raises it where a forked child uses a producer of its parent. Here that producer rebuilds itself: it is never
    # raised, and there for who rescues it.
    class ProducerUsedInParentProcess < BaseError; end

    # Their names in WaterDrop 1.x.
    InvalidConfiguration = ConfigurationInvalidError
    InvalidMessageOptions = MessageInvalidError

    # As above: what WaterDrop says of a bug of its own.
    class StatusInvalidError < BaseError; end
  end
end

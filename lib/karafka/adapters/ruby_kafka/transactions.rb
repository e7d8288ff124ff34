# frozen_string_literal: true

module Kafka
  # Transactions of a {Producer}. Those of the engine are blocks; here they have a beginning and an end that the caller says, so a fiber
  # keeps the block open in between.
  module Transactions
    # Marks offsets in a transaction, in place of a consumer.
    Marking = Struct.new(:lease) do
      def karafka_lease_of(_message) = lease
      def karafka_needless = nil
      # Where nobody knows whether it was committed the caller gets the error, its consumer ends, and the next one asks the group.
      def karafka_in_doubt(_offset) = nil
      def karafka_committed_in_transaction(lease, offset) = lease.transaction_committed(offset)
    end
    private_constant :Marking

    # @return [Boolean]
    def transactional? = @transactional || @transport.producer.transactional?

    # Ends what an earlier producer with the same transactional_id has left open, and fences that one.
    # @return [nil]
    # @raise [Error]
    def init_transactions
      ErrorNames.translated { @transport.producer.prepare_transactions }
      nil
    end

    # @return [nil]
    # @raise [InvalidTxnStateError] one is open, or the producer is no transactional one
    # @raise [Error]
    def begin_transaction
      raise InvalidTxnStateError, "not transactional: give the producer transactional: true and transactional_id" unless transactional?
      raise InvalidTxnStateError, "a transaction is open already" if transaction_open?

      fiber = Fiber.new do
        ErrorNames.translated do
          @transport.producer.transaction { raise WaterDrop::AbortTransaction if Fiber.yield == :abort }
        end
      end
      fiber.resume
      @transaction = fiber
      nil
    end

    # @return [nil]
    # @raise [Error] not committed; everything in it is aborted
    def commit_transaction = end_transaction(:commit)

    # @return [nil]
    # @raise [Error]
    def abort_transaction = end_transaction(:abort)

    # Marks a consumer's messages as processed, together with what the transaction sends.
    # @param batch [FetchedBatch, FetchedMessage]
    # @param group_id [String] ruby-kafka's: here the group is that of the consumer
    # @return [nil]
    # @raise [InvalidTxnStateError] no transaction is open
    def send_offsets_to_transaction(batch:, group_id: nil) # rubocop:disable Lint/UnusedMethodArgument
      raise InvalidTxnStateError, "send_offsets_to_transaction needs a transaction: call begin_transaction first" unless transaction_open?

      last = batch.respond_to?(:messages) ? batch.messages.last : batch
      unless last.respond_to?(:source) && last.source.is_a?(Karafka::Native::Lease)
        raise ArgumentError, "batch has no message of a consumer of a group"
      end

      ErrorNames.translated { @transport.producer.transaction_mark_as_consumed(Marking.new(last.source), last) }
      nil
    end

    # Commits when the block returns, aborts when it raises; an {Producer::AbortTransaction} ends there.
    # @return [nil]
    # @raise [Error]
    def transaction
      begin_transaction
      done = false
      yield
      done = true
      commit_transaction
    rescue Producer::AbortTransaction
      abort_transaction
    ensure
      # Raised, or left by break or throw.
      abort_transaction if !done && transaction_open?
    end

    private

    def transaction_open? = !@transaction.nil?

    def end_transaction(how)
      fiber = @transaction or raise InvalidTxnStateError, "no transaction is open: call begin_transaction first"
      @transaction = nil
      # What it would have sent belongs to it.
      clear_buffer if how == :abort
      fiber.resume(how)
      nil
    end

    def require_transaction!
      return if !@transactional || transaction_open?

      raise InvalidTxnStateError, "a transactional producer takes messages within a transaction: call begin_transaction first"
    end
  end
end

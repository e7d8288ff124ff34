# frozen_string_literal: true

module WaterDrop
  # Raise it in a transaction to abort that in silence.
  class AbortTransaction < Errors::BaseError; end
  # Its other name.
  Errors::AbortTransaction = AbortTransaction

  # One transaction of a producer, from its begin to its end.
  class Transaction
    # How long an abort waits for its answer, ms. A client that takes longer is given up: the next one aborts.
    ABORT_MS = 15_000
    # What a consumer has marked.
    Mark = Struct.new(:lease, :offset, :note)
    private_constant :ABORT_MS, :Mark

    # @return [Errors::TransactionError, nil] why it was not committed
    attr_reader :failure
    # @return [Thread] who has it
    attr_reader :thread

    # @param client [Client]
    # @param config [Config]
    def initialize(client, config)
      @client = client
      @config = config
      @thread = Thread.current
      @pid = ::Process.pid
      @overdue_at = Karafka::Clock.now_ms + config.transaction_timeout_ms
      @marks = {}.compare_by_identity
      @failure = nil
      @committed = false
    end

    # @return [Boolean]
    # @raise [Karafka::Errors::ForkedError] the thread has forked inside of it
    def mine?
      return false unless @thread.equal?(Thread.current)
      raise Karafka::Errors::ForkedError, "forked inside of a transaction, which belongs to the parent process" if foreign?

      true
    end

    # @return [Boolean] whether it belongs to a parent process
    def foreign?
      @pid != ::Process.pid
    end

    # @return [Boolean] the broker has given it up
    def overdue?
      Karafka::Clock.now_ms > @overdue_at
    end

    # @return [Boolean]
    def committed?
      @committed
    end

    # @param consumer [Karafka::BaseConsumer]
    # @param lease [Karafka::Native::Lease]
    # @param offset [Integer] of the last processed message
    # @param note [String, nil]
    # @return [void]
    def mark(consumer, lease, offset, note)
      mark = (@marks[consumer] ||= Mark.new(lease, 0, nil))
      return if offset < mark.offset

      mark.lease = lease
      mark.offset = offset + 1
      mark.note = note
    end

    # @return [void]
    # @raise [Errors::TransactionError]
    # @raise [Karafka::Errors::AssignmentLostError] a marked partition belongs to another process
    def commit
      mine?
      send_marks
      # Said before: should this thread be interrupted at any point from here on, the offsets are looked up.
      @marks.each { |consumer, mark| consumer.karafka_in_doubt(mark.offset) }
      @client.transact(:commit)
      @committed = true
      @marks.each { |consumer, mark| consumer.karafka_committed_in_transaction(mark.lease, mark.offset) }
    rescue Errors::TransactionError => e
      @failure = e
      @marks.each_key { |consumer| consumer.karafka_in_doubt(nil) } unless e.in_doubt?
      raise
    end

    # @return [Symbol] :aborted, :closed, or what the client has met: :fatal, :stuck, :fenced
    def abort
      return @failure.kind if @failure && @failure.kind != :abortable
      return :stuck if @client.transaction_stuck?
      return :aborted unless @client.transaction_open?

      @client.transact(:abort, [ABORT_MS, @config.max_wait_timeout].min)
      :aborted
    rescue Errors::TransactionError => e
      @failure = e
      e.kind
    rescue Karafka::Errors::ClosedError
      :closed
    end

    private

    def send_marks
      @marks.each_value do |mark|
        next if @client.transact_offset(mark.lease, mark.offset, mark.note)

        raise Karafka::Errors::AssignmentLostError,
              "#{mark.lease.topic}/#{mark.lease.partition} was lost, so the transaction that marked a message of it is aborted"
      end
    end
  end
  private_constant :Transaction
end

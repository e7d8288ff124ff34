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
    # How long the offsets may take, ms, and what a step gets at least, however little of the transaction's time is left: its
    # answer says what became of it.
    OFFSETS_MS = 10_000
    LEAST_MS = 1_000
    # What a consumer has marked.
    Mark = Struct.new(:lease, :offset, :note)
    private_constant :ABORT_MS, :OFFSETS_MS, :LEAST_MS, :Mark

    # @return [Errors::TransactionError, nil] why it was not committed
    attr_reader :failure
    # @return [Thread] who has it
    attr_reader :thread

    # @param client [Client]
    # @param config [Config]
    # @param give_up [#call, nil] as of {Producer::Transactions#transaction_unless}
    def initialize(client, config, give_up = nil)
      @client = client
      @config = config
      @give_up = give_up
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
      @client.transact(:commit, within([left_ms, OFFSETS_MS].max), &give_up)
      @committed = true
      @marks.each { |consumer, mark| consumer.karafka_committed_in_transaction(mark.lease, mark.offset) }
    rescue Errors::TransactionError => e
      @failure = e
      @marks.each_key { |consumer| consumer.karafka_in_doubt(nil) } unless e.in_doubt?
      raise
    end

    # @return [Symbol] :aborted, :closed, or what the client has met: :fatal, :stuck, :fenced, :timed_out
    def abort
      return @failure.kind if @failure && @failure.kind != :abortable
      return :stuck if @client.transaction_stuck?
      return :aborted unless @client.transaction_open?

      @client.transact(:abort, within(ABORT_MS), &give_up)
      :aborted
    rescue Errors::TransactionError => e
      @failure = e
      e.kind
    rescue Karafka::Errors::ClosedError
      :closed
    end

    private

    # Until a broker gives the transaction up, ms.
    def left_ms
      @overdue_at - Karafka::Clock.now_ms
    end

    def within(time_ms)
      [time_ms, @config.max_wait_timeout].min
    end

    # Whoever marks in it without having begun it knows as well.
    def give_up
      @give_up ||= @marks.each_key.first&.karafka_needless
    end

    def send_marks
      @marks.each_value do |mark|
        next if @client.transact_offset(mark.lease, mark.offset, mark.note, within(left_ms.clamp(LEAST_MS, OFFSETS_MS)), &give_up)

        raise Karafka::Errors::AssignmentLostError,
              "#{mark.lease.topic}/#{mark.lease.partition} was lost, so the transaction that marked a message of it is aborted"
      end
    end
  end
  private_constant :Transaction
end

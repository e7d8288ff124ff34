# frozen_string_literal: true

module Karafka
  # The producers of consumers' transactions: one for each partition, so that partitions do not wait for each other. Their
  # transactional ids are made of group, topic and partition, so whoever gets the partition next ends what the last owner
  # has left open, and fences it. Made when they are needed (with `exactly_once`, and where dead letters leave in
  # transactions: when the partition is assigned), closed
  # when the partition is given up, and the one that was idle for longest when there are more than {LIMIT}.
  class TransactionalProducers
    # Each costs a few threads and connections.
    LIMIT = 100
    # How long the close of one may take, ms: nothing is open or under way when its last user has gone.
    CLOSE_MS = 5_000
    private_constant :CLOSE_MS

    # One producer, and how many use it.
    Entry = Struct.new(:producer, :users, :over)
    private_constant :Entry

    def initialize
      @mutex = Mutex.new
      # The order is that of use: the first one was idle for longest.
      @entries = {}
      @commands = Queue.new
      @thread = nil
      @budget = TimeBudget.new(nil)
      @stopping = false
    end

    # @param topic [Routing::Topic]
    # @param name [String] in Kafka
    # @param partition [Integer]
    # @yieldparam producer [WaterDrop::Producer]
    # @return [Object] what the block returns
    def with(topic, name, partition)
      key = [topic.consumer_group.id, name, partition]
      entry = check_out(key, topic)
      yield entry.producer
    rescue WaterDrop::Errors::TransactionError => e
      # Its id is used by somebody else: the next use makes a new one, where the partition is still ours.
      withdraw(key, entry) if entry && e.fenced?
      raise
    ensure
      check_in(entry) if entry
    end

    # Partitions came or went.
    # @param group [Routing::SubscriptionGroup, nil]
    # @param event [Hash{Symbol=>Object}] as the engine reports it
    # @return [void]
    def rebalanced(group, event)
      return unless group

      event[:partitions].each do |name, partition|
        next release(group.consumer_group_id, name, partition) if event[:type] == :revoked

        topic = group.active_topics.find { |candidate| candidate.matches?(name) }
        prepare(topic, name, partition) if topic && (topic.exactly_once? || Failures::TransactionalDispatch.for?(topic))
      end
    end

    # Ends, in the background, what a last owner of these partitions has left open: until then nobody can read beyond it,
    # and the position of the partition is unknown.
    # @param topic [Routing::Topic]
    # @param name [String]
    # @param partition [Integer]
    # @return [void]
    def prepare(topic, name, partition)
      later { with(topic, name, partition) { |producer| producer.prepare_transactions(wait: false) } }
    end

    # The partition is given up.
    # @param group_id [String]
    # @param name [String]
    # @param partition [Integer]
    # @return [void]
    def release(group_id, name, partition)
      key = [group_id, name, partition]
      # At a stop all are closed at once.
      return if @stopping || @mutex.synchronize { @entries.empty? }

      later { withdraw(key, @mutex.synchronize { @entries[key] }) }
    end

    # @return [Integer]
    def size
      @mutex.synchronize { @entries.size }
    end

    # The process stops: {#close} follows.
    # @param budget [TimeBudget]
    # @return [void]
    def stop_within(budget)
      @budget = budget
      @stopping = true
    end

    # All at the same time.
    # @return [void]
    def close
      @commands.close
      closers = @mutex.synchronize { @entries.to_a }.map { |key, entry| Thread.new { withdraw(key, entry) } }
      closers.each { |thread| thread.report_on_exception = false }
      [@thread, *closers].compact.each { |thread| thread.join(@budget.left) }
    end

    private

    def check_out(key, topic)
      spare = nil
      @mutex.synchronize do
        entry = @entries.delete(key) || Entry.new(build(key, topic), 0, false)
        entry.users += 1
        @entries[key] = entry
        spare = take_spare
        entry
      end
    ensure
      close_one(spare) if spare
    end

    def check_in(entry)
      over = @mutex.synchronize { (entry.users -= 1).zero? && entry.over }
      close_one(entry) if over
    end

    def take_spare
      return if @entries.size <= LIMIT

      key, = @entries.find { |_, entry| entry.users.zero? }
      @entries.delete(key)
    end

    # Closed by its last user.
    def withdraw(key, entry)
      return unless entry

      idle = @mutex.synchronize do
        @entries.delete(key) if @entries[key].equal?(entry)
        entry.over = true
        entry.users.zero?
      end
      close_one(entry) if idle
    end

    def close_one(entry)
      entry.producer.close(@budget.share(CLOSE_MS))
    end

    # As the application's producer is.
    def build(key, topic)
      base = Karafka.producer.config
      settings = base.kafka.to_h
      same_cluster!(topic)
      # The id of the application's own producer is another one in each process: the next owner would not end what this
      # one has left.
      id = ["karafka", *key].join(".")
      WaterDrop::Producer.new do |config|
        config.inherit(base)
        config.id = "#{base.id}-#{id}"
        config.kafka = settings.merge("transactional.id": id)
      end
    end

    def same_cluster!(topic)
      consumed, produced = Setup::Clusters.of(topic)
      return if consumed == produced || produced.nil?

      raise Errors::InvalidConfigurationError,
            "#{topic.label} is consumed from #{consumed}, but the producer writes to #{produced}: a transaction is of one cluster. " \
            "Give both the same \"bootstrap.servers\", or do without transactions there."
    end

    def later(&command)
      @mutex.synchronize { @thread ||= LastingThread.new("karafka.transactions") { serve }.start }
      @commands << command
    rescue ClosedQueueError
      nil # It is closing, and closes all of them.
    end

    def serve
      while (command = @commands.pop)
        begin
          command.call
        rescue StandardError => e
          Instrumentation::Safely.error(e, "transactions.error", caller: self)
        end
      end
    end
  end
end

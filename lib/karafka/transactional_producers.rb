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

    # One producer, and how many use it.
    Entry = Struct.new(:producer, :users, :over)
    private_constant :Entry

    # @param topic [Routing::Topic]
    # @return [Array(String, String)] where it is consumed from, and where the application's producer writes to; nil: unknown
    def self.clusters(topic)
      [topic.kafka_settings, Karafka.producer.config.kafka].map { |settings| settings.to_h.transform_keys(&:to_sym)[:"bootstrap.servers"] }
    end

    def initialize
      @mutex = Mutex.new
      # The order is that of use: the first one was idle for longest.
      @entries = {}
      @commands = Queue.new
      @thread = nil
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
      # Its id is used by somebody else, or was idle in a transaction for too long: the next use makes a new one.
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
        prepare(topic, name, partition) if topic && (topic.exactly_once? || Failures::Together.for?(topic))
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
      return unless @mutex.synchronize { @entries.any? }

      later { withdraw(key, @mutex.synchronize { @entries[key] }) }
    end

    # @return [Integer]
    def size
      @mutex.synchronize { @entries.size }
    end

    # @return [void]
    def close
      @commands.close
      @thread&.join
      @mutex.synchronize { @entries.keys }.each { |key| withdraw(key, @entries[key]) }
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
      spare&.producer&.close
    end

    def check_in(entry)
      over = @mutex.synchronize { (entry.users -= 1).zero? && entry.over }
      entry.producer.close if over
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
      entry.producer.close if idle
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
      consumed, produced = self.class.clusters(topic)
      return if consumed == produced || produced.nil?

      raise Errors::InvalidConfigurationError,
            "#{topic.label} is consumed from #{consumed}, but the producer writes to #{produced}: a transaction is of one cluster. " \
            "Give both the same \"bootstrap.servers\", or do without transactions there."
    end

    def later(&command)
      @mutex.synchronize { @thread ||= Thread.new { serve }.tap { |thread| thread.name = "karafka.transactions" } }
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

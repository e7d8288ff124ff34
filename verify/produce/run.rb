# frozen_string_literal: true

require "json"
require "logger"
$LOAD_PATH.unshift(File.expand_path("../../lib", __dir__))
require "waterdrop"
require_relative "../../spec/support/kafka_cluster"
require_relative "ledger"
require_relative "stored"

module Produce
  # One run: sends while leaders are killed, then reads everything back with Kafka's own tool and compares.
  class Run
    # The broker's error code.
    OUT_OF_ORDER_SEQUENCE_NUMBER = 45
    private_constant :OUT_OF_ORDER_SEQUENCE_NUMBER

    KEYS = 8
    BATCH = 500
    WINDOW = 20

    def initialize(messages:, kills:, fatal:, seed:, threads:, partitions:)
      @messages = messages
      @kills = kills
      @fatal = fatal
      @seed = seed
      @random = Random.new(seed)
      @threads = threads
      @partitions = partitions
      @killed = 0
      @reloads = 0
      @sent = Array.new(threads, 0)
    end

    # @return [Boolean] whether everything held
    def call
      warn "seed #{@seed}, #{@messages} messages, #{@kills} kills of a leader, #{@fatal} fatal errors"
      prepare
      senders = Array.new(@threads) { |thread| Thread.new { send_all(thread) }.tap { |one| one.abort_on_exception = true } }
      misbehave
      senders.each(&:join)
      @undelivered = @producer.close
      judge
    ensure
      @cluster&.down
    end

    private

    def prepare
      @cluster = KafkaCluster.new("verify-produce").up(nodes: 3)
      @topic = @cluster.create_topic(partitions: @partitions, replication: 3, config: { "min.insync.replicas" => 2, "retention.ms" => -1 })
      @ledgers = Array.new(@threads) { |thread| Array.new(KEYS) { |key| Ledger.new("#{thread}-#{key}") } }
      brokers = @cluster.bootstrap_servers
      @producer = WaterDrop::Producer.new do |config|
        config.kafka = { "bootstrap.servers": brokers, "enable.idempotence": true, log_level: 0 }
        config.wait_timeout_on_queue_full = 300_000
        config.max_wait_timeout = 300_000
        config.wait_backoff_on_idempotent_fatal_error = 100
        config.logger = Logger.new(File::NULL)
      end
      @producer.monitor.subscribe("producer.reloaded") { @reloads += 1 }
    end

    # Its own random numbers: how threads take turns is nobody's choice.
    def send_all(thread)
      random = Random.new(@seed + thread)
      waiting = []
      total = @messages / @threads
      while @sent[thread] < total
        sleep 0.01 while @sent[thread] > total * (@killed + 1) / (@kills + 1)
        waiting << send_some(thread, [random.rand(1..BATCH), total - @sent[thread]].min, random)
        settle(*waiting.shift) if waiting.size > WINDOW
      end
      waiting.each { |sent| settle(*sent) }
    end

    # One key at a time, in one call or one by one.
    def send_some(thread, count, random)
      ledger = @ledgers[thread].sample(random: random)
      first = ledger.size
      ledger.take(count)
      messages = Array.new(count) { |index| { topic: @topic, key: ledger.key, payload: "#{ledger.key}:#{first + index}" } }
      handles = random.rand < 0.5 ? @producer.produce_many_async(messages) : messages.map { |message| @producer.produce_async(message) }
      @sent[thread] += count
      [ledger, first, handles]
    end

    def settle(ledger, first, handles)
      handles.each_with_index { |handle, index| ledger.write(first + index, handle.wait(raise_response_error: false)) }
    end

    def misbehave
      fatal_at = (0...@kills).to_a.sample(@fatal, random: @random)
      @kills.times do |round|
        wait_until { @sent.sum >= @messages * round / (@kills + 1) }
        leader = @cluster.admin.metadata([@topic])[:topics][@topic][:partitions][@random.rand(@partitions)][:leader]
        @cluster.kill_node(leader)
        sleep @random.rand(0.2..2.5)
        fail_for_good if fatal_at.include?(round)
        @cluster.start_node(leader)
        whole_again
        @killed += 1
      end
    end

    def fail_for_good
      @producer.singleton_class.include(WaterDrop::Producer::Testing)
      @producer.trigger_test_fatal_error(OUT_OF_ORDER_SEQUENCE_NUMBER, "as asked by verify/produce")
    rescue Karafka::Errors::InternalError
      nil # It is just being replaced.
    end

    # The next leader must not be the last one that has everything.
    def whole_again
      @cluster.wait_until("all replicas are in sync") do
        @cluster.admin.metadata([@topic])[:topics][@topic][:partitions].values.all? { |info| info[:leader] >= 0 && info[:isr].size == 3 }
      end
    end

    def judge
      stored = Stored.new(@cluster, @topic)
      ledgers = @ledgers.flatten
      violations = ledgers.flat_map { |ledger| ledger.violations(stored.of(ledger.key)) }
      violations << "#{@undelivered} messages were given up by the close" if @undelivered.positive?
      failures = ledgers.map(&:failures).reduce { |one, other| one.merge(other) { |_, a, b| a + b } }
      violations.first(20).each { |text| warn text }
      puts JSON.generate(verify: "produce", seed: @seed, messages: @messages, kills: @killed, reloads: @reloads, stored: stored.count,
                         delivered: ledgers.sum { |ledger| ledger.size - ledger.failed }, failed: failures, violations: violations.size)
      violations.empty?
    end

    def wait_until
      sleep 0.02 until yield
    end
  end
end

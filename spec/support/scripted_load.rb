# frozen_string_literal: true

require "support/real_kafka"
require "support/http_probe"

# An application whose consumers do what a script says, and a ledger of what they were given. From it a spec knows what each metric has
# to be, without asking the engine.
module ScriptedLoad
  include RealKafka

  WORKERS = 3

  # What the consumers were given, by topic.
  class Ledger
    # @return [Hash{String=>Integer}] calls of `consume`
    attr_reader :calls
    # @return [Hash{String=>Integer}] those of them that were no retry
    attr_reader :first_calls

    def initialize
      @lock = Mutex.new
      @calls = Hash.new(0)
      @first_calls = Hash.new(0)
      @times = Hash.new { |hash, topic| hash[topic] = Hash.new(0) }
      @processed = Hash.new(0)
      @errors = Hash.new(0)
      @commits = 0
      @once = {}
    end

    # @return [Hash{String=>Integer}] `error.occurred`, by type
    attr_reader :errors
    # @return [Integer] answers to commits
    attr_reader :commits

    # @return [void]
    def failed(type) = @lock.synchronize { @errors[type] += 1 }
    # @return [void]
    def committed = @lock.synchronize { @commits += 1 }

    # @param count [Integer, nil] messages that `consume` has processed now
    # @return [Integer] all of them
    def processed(topic, count = 0) = @lock.synchronize { @processed[topic] += count }

    # @return [void]
    def called(topic, messages, attempt)
      @lock.synchronize do
        @calls[topic] += 1
        @first_calls[topic] += 1 if attempt == 1
        messages.each { |message| @times[topic][[message.partition, message.offset]] += 1 }
      end
    end

    # @return [Integer] messages that were handed out, counted each time
    def handed_out(topic) = @lock.synchronize { @times[topic].values.sum }
    # @return [Integer] how often messages came once more
    def again(topic) = @lock.synchronize { @times[topic].values.sum { |times| times - 1 } }
    # @return [Integer] different messages that were handed out
    def different(topic) = @lock.synchronize { @times[topic].size }

    # @return [Boolean] true for the first `limit` calls with this key
    def first?(*key, limit: 1)
      @lock.synchronize { (@once[key] = @once.fetch(key, 0) + 1) <= limit }
    end
  end

  def ledger = @ledger ||= Ledger.new
  def scripts = @scripts ||= {}

  # A topic, what its consumer does (the block gets the ledger), and what is set for it.
  # @return [String] the name of the topic
  def script(name = nil, partitions: 1, **settings, &body)
    name = cluster.create_topic(*name, partitions: partitions)
    ledger = self.ledger
    consumer = Class.new(Karafka::BaseConsumer) do
      define_method(:consume) do
        # `consume` is called for each message of a batch without `batch_consuming`.
        # In a retry topic `attempt` goes on counting.
        earlier = messages.first.headers.fetch("source_attempts", 0).to_i
        ledger.called(topic.name, messages.to_a, attempt - earlier) if topic.batch_consuming || params.offset == messages.first.offset
        instance_exec(ledger, &body)
      end
    end
    scripts[name] = [consumer, settings]
    name
  end

  # Starts what was scripted, in this process and in one group.
  def start_scripts(**kafka)
    servers = cluster.bootstrap_servers
    group_id = group
    Karafka::App.setup do |config|
      config.kafka = { "bootstrap.servers": servers, "auto.commit.interval.ms": 100, "topic.metadata.refresh.interval.ms": 1_000, **kafka }
      config.group_id = group_id
      config.concurrency = WORKERS
      config.max_messages = 7
      config.logger = Logger.new(@log = StringIO.new)
      config.pause.timeout = 20
      config.pause.max_timeout = 20
    end
    draw(scripts)
    note_events
    yield if block_given?
    Karafka::Embedded.start
  end

  # A second member of the group, in a process of its own. It prints how many messages each of its batches has.
  # @return [String] where it answers
  def start_member(topic)
    @server = ServerProcess.new(<<~RUBY).start
      require "karafka"
      class MemberConsumer < Karafka::BaseConsumer
        def consume = File.write(ENV.fetch("APP_OUTPUT"), "\#{messages.size}\n", mode: "a")
      end
      Karafka::App.setup do |config|
        config.kafka = { "bootstrap.servers": "#{cluster.bootstrap_servers}", "auto.commit.interval.ms": 100 }
        config.group_id = "#{group}"
        config.http.port = 0
      end
      Karafka::App.routes.draw { topic("#{topic}") { consumer MemberConsumer } }
    RUBY
    @server.wait_for_log(%r{Answers HTTP at (http://[\d.]+:\d+)})[1]
  end

  # @return [Float, nil] what that member shows of a topic
  def shown(url, name, topic)
    HttpProbe.samples(HttpProbe.get(url, "/metrics").body)["karafka_#{name}{group=\"#{group}\",topic=\"#{topic}\"}"]
  end

  # @return [Hash{String=>Float}] by name with labels
  def samples = HttpProbe.samples(Karafka::Server.observer.metrics)

  # @return [Float, nil]
  def sample(name, **labels)
    given = labels.map { |label, value| "#{label}=\"#{value}\"" }.join(",")
    samples[given.empty? ? name : "#{name}{#{given}}"]
  end

  # Everything that was produced is processed and committed, and no worker has anything.
  def quiet(*topics)
    quiet_group(*topics)
    topics.each do |topic|
      wait_until("the process to know that #{topic} is committed") do
        ends(topic).all? { |partition, last| last.zero? || of_partition("karafka_committed_offset", topic, partition) == last }
      end
    end
    wait_until("idle workers") { sample("karafka_workers", state: "busy").zero? }
  end

  # The same of all processes of the group: everything is committed.
  def quiet_group(*topics)
    topics.each do |topic|
      wait_until("the commits of #{topic}") do
        commits = cluster.committed(group)
        ends(topic).all? { |partition, last| last.zero? || commits[[topic, partition]] == last }
      end
    end
  end

  def of_topic(name, topic) = sample(name, group: group, topic: topic)
  def of_partition(name, topic, partition) = sample(name, group: group, topic: topic, partition: partition)

  # @return [Integer] of payload, key and headers, of messages as they were given to the producer
  def bytes(messages, headers: true)
    messages.sum do |message|
      own = headers ? message.fetch(:headers, {}).sum { |name, value| name.bytesize + value.bytesize } : 0
      message[:payload].to_s.bytesize + message[:key].to_s.bytesize + own
    end
  end

  COUNTERS = {
    fetched: "karafka_fetched_messages_total", consumed: "karafka_consumed_messages_total", retried: "karafka_retried_messages_total",
    filtered: "karafka_filtered_messages_total", expired: "karafka_expired_messages_total", skipped: "karafka_skipped_messages_total",
    moved: "karafka_moved_messages_total", dead: "karafka_dead_letters_total", abandoned: "karafka_abandoned_batches_total"
  }.freeze

  # What is not named has to be 0; but what is read again after a seek, or by another process, may have been fetched any number of times.
  def expect_truth(topic, bytes: nil, **expected)
    found = COUNTERS.transform_values { |name| of_topic(name, topic) }
    expected = { fetched: be >= ledger.handed_out(topic), **expected }
    expect(found).to match(COUNTERS.to_h { |kind, _| [kind, expected.fetch(kind, 0)] })
    expect(of_topic("karafka_consumed_bytes_total", topic)).to eq(bytes) if bytes
    expect_batches(topic)
    expect_process
  end

  def expect_batches(topic)
    calls = ledger.calls[topic]
    found = %w[karafka_consumed_batches_total karafka_batch_messages_count karafka_batch_messages_sum karafka_processing_seconds_count
               karafka_message_age_seconds_count karafka_waiting_seconds_count].map { |name| of_topic(name, topic) }
    expect(found).to eq([calls, calls, ledger.handed_out(topic), calls, calls, ledger.first_calls[topic]])
  end

  # What is not counted by topic.
  def expect_process
    errors = errors_by_type.to_h { |type, count| [type, count - @errors_before.fetch(type, 0)] }
    expect(errors.reject { |_, count| count.zero? }).to eq(ledger.errors)
    expect(sample("karafka_gvl_wait_seconds_count") - @waits_before).to be >= ledger.calls.values.sum
    expect_commits
  end

  def expect_commits
    commits = %w[ok failed].map { |result| sample("karafka_commits_total", group: group, result: result) }
    expect(commits).to eq([ledger.commits, 0])
    expect(sample("karafka_commit_seconds_count", group: group)).to eq(ledger.commits)
  end

  def expect_produced(topic, messages, bytes: nil, failures: 0)
    names = %w[karafka_produced_messages_total karafka_produce_failures_total karafka_produce_seconds_count]
    wait_until("the reports of #{topic}") { sample(names.first, topic: topic).to_i >= messages }
    expect(names.map { |name| sample(name, topic: topic) }).to eq([messages, failures, messages])
    expect(sample("karafka_produced_bytes_total", topic: topic)).to eq(bytes) if bytes
  end

  def expect_nothing_left(topic, assigned:)
    ends(topic).each do |partition, last|
      found = %w[karafka_lag_messages karafka_lag_seconds karafka_position_offset karafka_committed_offset karafka_high_watermark_offset]
      expect(found.map { |name| of_partition(name, topic, partition) }).to eq([0, 0, last, last, last])
    end
    found = %w[karafka_topic_lag_messages karafka_topic_lag_seconds karafka_assigned_partitions karafka_leases karafka_oldest_lease_seconds]
    expect(found.map { |name| of_topic(name, topic) }).to eq([0, 0, assigned, 0, 0])
    expect(%w[karafka_ready_partitions karafka_produce_queue_messages].map { |name| sample(name) }).to eq([0, 0])
    expect(sample("karafka_workers", state: "idle")).to eq(WORKERS)
  end

  private

  def draw(scripts)
    Karafka::App.routes.draw do
      scripts.each do |name, (consumer, settings)|
        topic(name) do
          consumer(consumer)
          settings.each { |key, value| value.is_a?(Hash) ? public_send(key, **value) : public_send(key, value) }
        end
      end
    end
  end

  def ends(topic) = cluster.watermarks(topic).transform_values(&:last)

  def errors_by_type(samples = self.samples)
    samples.filter_map { |name, count| (type = name[/\Akarafka_errors_total\{type="(.*)"\}\z/, 1]) && [type, count] }.to_h
  end

  # The numbers of the process go on from example to example.
  def note_events
    before = HttpProbe.samples(Karafka::Engine::Observer.new.metrics)
    @waits_before = before.fetch("karafka_gvl_wait_seconds_count")
    @errors_before = errors_by_type(before)
    [Karafka.monitor, producer.monitor].each { |monitor| monitor.subscribe("error.occurred") { |event| ledger.failed(event[:type]) } }
    Karafka.monitor.subscribe("offsets.committed") { |_| ledger.committed }
  end
end

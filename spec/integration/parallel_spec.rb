# frozen_string_literal: true

require "spec_helper"
require "support/mock_cluster"

RSpec.describe "several batches of one partition at once" do
  include MockCluster

  let(:seen) { Queue.new }

  before { broker.create_topic("orders", 1) }

  after do
    Karafka::Embedded.stop
    close_cluster
  end

  def drained = drain(seen)

  def start(consumer = nil, **settings, &) = start_orders(consumer, **settings, &)

  def commit_of(offset) = wait_until("the commit") { committed("app", "orders") == offset }

  it "keeps the order of each key, with as many workers as the limit says" do
    seen = self.seen
    produce("orders", (0...60).map(&:to_s), keys: (0...60).map { |number| "k#{number % 6}" })
    start(parallel: { by: :key, limit: 6 }) do
      messages.each do |message|
        sleep 0.01
        seen << [message.key, message.payload, object_id, Thread.current.name]
      end
    end
    commit_of(60)
    expect(Karafka::Server.workers.size).to eq(6)
    rows = drained
    expect(rows.group_by(&:first).values.map { |of_key| of_key.map { |row| row[1] } }).to all(satisfy { |numbers| numbers == numbers.sort })
    expect(rows.map { |row| row[3] }.uniq.size).to be > 1
    expect(rows.map { |row| row[2] }.uniq.size).to be_between(2, 6)
  end

  it "repeats a failed message alone, and its mates are done before" do
    seen = self.seen
    produce("orders", %w[1 2 3 4], keys: %w[a b c d])
    start(parallel: { by: :key, limit: 1 }, max_wait_time: 300) do
      seen << [attempt, messages.payloads]
      raise "no" if messages.payloads.include?(2) && attempt < 3
    end
    commit_of(4)
    expect(drained.map { |attempt, payloads| [attempt, *payloads] })
      .to contain_exactly([1, 1, 2, 3, 4], [2, 1], [2, 2], [2, 3], [2, 4], [3, 2])
  end

  it "sends only the message that cannot be processed to the dead letter queue" do
    seen = self.seen
    dead = Queue.new
    Karafka.monitor.subscribe("dead_letter_queue.dispatched") { |event| dead << event[:message].offset }
    broker.create_topic("dead", 1)
    produce("orders", (0...30).map(&:to_s), keys: (0...30).map { |number| "k#{number % 5}" })
    start(parallel: { by: :key, limit: 5 }, dead_letter_queue: { topic: "dead", max_retries: 1 }) do
      messages.each do |message|
        raise "no" if message.offset == 7

        seen << message.offset
        mark_as_consumed(message)
      end
    end
    commit_of(30)
    expect(drained.sort).to eq((0...30).to_a - [7])
    expect(drain(dead)).to eq([7])
  end

  it "counts dead letters over all of its consumers, so that stop_after holds for the partition" do
    gone = Queue.new
    stopped = Queue.new
    Karafka.monitor.subscribe("dead_letter_queue.dispatched") { |event| gone << event[:message].offset }
    Karafka.monitor.subscribe("dead_letter_queue.stopped") { |event| stopped << event[:caller] }
    broker.create_topic("dead", 1)
    produce("orders", (0...40).map(&:to_s))
    bad = true
    start(parallel: { by: :none, limit: 4 }, dead_letter_queue: { topic: "dead", max_retries: 0, stop_after: { consecutive: 5 } }) do
      raise "bad deploy" if bad
    end
    wait_until("the stop") { !stopped.empty? }
    wait_until("the end of what was under way") { Karafka::Server.state[:leases].empty? }
    expect(gone.size).to be_between(5, 8)
    bad = false
    stopped.pop.resume
    commit_of(40)
    expect(gone.size).to be_between(5, 8)
  end

  it "moves a failed message alone to the retry topic, which is parallel too, and from there to the dead letter queue" do
    seen = self.seen
    dead = Queue.new
    Karafka.monitor.subscribe("dead_letter_queue.dispatched") { |event| dead << event[:message].raw_payload }
    %w[dead orders.retry.1].each { |name| broker.create_topic(name, 1) }
    produce("orders", (0...20).map(&:to_s), keys: (0...20).map { |number| "k#{number % 4}" })
    start(parallel: { by: :key, limit: 4 }, dead_letter_queue: { topic: "dead" }, retry_topics: { delays: [100] }) do
      messages.each do |message|
        raise "no" if message.payload == 7 || (message.payload == 10 && topic.name == "orders")

        seen << [topic.name, message.payload]
        mark_as_consumed(message)
      end
    end
    commit_of(20)
    wait_until("the retry topic") { committed("app", "orders.retry.1") == 2 }
    expect(drained).to match_array(((0...20).to_a - [7, 10]).map { |number| ["orders", number] } + [["orders.retry.1", 10]])
    expect(drain(dead).last).to eq("7")
  end

  it "goes on with other keys while one fails, and commits nothing beyond it" do
    seen = self.seen
    produce("orders", (0...20).map(&:to_s), keys: (0...20).map { |number| "k#{number % 4}" })
    gate = Queue.new
    start(parallel: { by: :key, limit: 4 }, max_messages: 1) do
      raise "no" if messages.first.offset == 5 && gate.empty?

      seen << messages.first.offset
    end
    wait_until("the others") { seen.size >= 16 }
    expect(drained).not_to include(5, 9, 13, 17)
    expect(committed("app", "orders").to_i).to be <= 5
    gate << true
    commit_of(20)
    expect(drained).to include(5, 9, 13, 17)
  end

  it "passes nothing that another batch has not finished when one of them seeks" do
    seen = self.seen
    sought = Queue.new
    once = Queue.new
    produce("orders", %w[0 1 2 3])
    start(parallel: { by: :none, limit: 2 }, max_messages: 1) do
      offset = messages.first.offset
      first_time = seen.push([offset, attempt]) && attempt == 1
      if offset.zero? && first_time
        sought.pop
        raise "no"
      elsif offset == 1 && once.empty?
        once << true
        seek(1)
        sought << true
      end
    end
    commit_of(4)
    expect(drained.tally).to include([0, 1] => 1, [0, 2] => 1, [1, 1] => 2, [2, 1] => 1, [3, 1] => 1)
  end

  it "asks a block what belongs together, and the consumer meets what the block cannot decode" do
    seen = self.seen
    errors = Queue.new
    produce("orders", ['{"user":1}', "oops", '{"user":2}', '{"user":1}'])
    klass = consumer_class do
      messages.each { |message| seen << [message.offset, message.payload.fetch("user")] rescue seen << [message.offset, :bad] } # rubocop:disable Style/RescueModifier
    end
    Karafka.monitor.subscribe("error.occurred") { |event| errors << event[:type] }
    start(klass, virtual_partitions: { partitioner: ->(message) { message.payload.fetch("user") }, max_partitions: 3 })
    commit_of(4)
    expect(drained).to contain_exactly([0, 1], [1, :bad], [2, 2], [3, 1])
    expect(errors.pop).to eq("virtual_partitions.partitioner.error")
  end

  it "marks by hand in each lane, and one message at a time where batch_consuming is off" do
    seen = self.seen
    produce("orders", (0...12).map(&:to_s), keys: (0...12).map { |number| "k#{number % 3}" })
    start(parallel: { by: :key, limit: 3 }, batch_consuming: false) do
      seen << [params.offset, attempt]
      raise "no" if params.offset == 7 && attempt == 1
    end
    commit_of(12)
    expect(drained.map(&:first).tally.reject { |offset, _| offset == 7 }.values).to all(eq(1))
  end

  it "calls shutdown once for each consumer, where what was held can still be marked" do
    seen = self.seen
    produce("orders", %w[1 2 3], keys: %w[a b c])
    klass = Class.new(Karafka::BaseConsumer) do
      define_method(:consume) { (@held ||= []).concat(messages.to_a).then { seen << :consumed } }
      define_method(:shutdown) { seen << [:shutdown, @held.size, mark_as_consumed(@held.last)] }
    end
    start(klass, parallel: { by: :key, limit: 3 }, manual_offset_management: true, max_messages: 1)
    wait_until("all") { seen.size == 3 }
    expect(committed("app", "orders")).to be_nil
    Karafka::Embedded.stop
    final_leases = drained.grep(Array)
    expect(final_leases.sum { |row| row[1] }).to eq(3)
    expect(final_leases.map(&:last)).to all(be(true))
    expect(committed("app", "orders")).to eq(3)
  end

  it "commits a text of the user's beside the offset, and reads it" do
    seen = self.seen
    produce("orders", %w[1 2], keys: %w[a b])
    start(offset_metadata: { cache: false, deserializer: ->(text) { text.split(",") } }) do
      seen << offset_metadata
      mark_as_consumed!(messages.first, "a,b")
      seen << offset_metadata
      store_offset_metadata("x" * 5_000)
    rescue ArgumentError => e
      seen << e.class
    end
    wait_until("three") { seen.size >= 3 }
    expect(drained.first(3)).to eq([[], %w[a b], ArgumentError])
    commit_of(2)
  end
end

# frozen_string_literal: true

require "spec_helper"
require "support/mock_cluster"

RSpec.describe "retries and offsets" do
  include MockCluster

  let(:seen) { Queue.new }

  before { broker.create_topic("orders", 2) }

  after do
    Karafka::Embedded.stop
    close_cluster
  end

  def drained = drain(seen)

  def start(consumer = nil, **settings, &)
    klass = consumer || consumer_class(&)
    application { topic(:orders) { consumer(klass) && settings.each { |key, value| public_send(key, value) } } }
    Karafka::Embedded.start
  end

  it "delivers a failed batch again to the same instance, while other partitions go on" do
    seen = self.seen
    produce("orders", %w[1 2])
    produce("orders", %w[3], partition: 1)
    start do
      seen << [partition, attempt, retrying?, object_id, messages.payloads]
      raise "no" if partition.zero? && attempt < 3
    end
    wait_until("four batches") { seen.size == 4 }
    failing, other = drained.partition { |row| row[0].zero? }
    expect(failing.map { |row| row[1..2] }).to eq([[1, false], [2, true], [3, true]])
    expect(failing.map { |row| row[3] }.uniq.size).to eq(1)
    expect(failing.map(&:last).uniq).to eq([[1, 2]])
    expect(other.map(&:last)).to eq([[3]])
    wait_until("the commit") { committed("app", "orders") == 2 && committed("app", "orders", 1) == 1 }
  end

  it "delivers again from the first unmarked message" do
    seen = self.seen
    produce("orders", %w[1 2 3])
    start do
      seen << messages.payloads
      mark_as_consumed(messages.first)
      raise "no" if attempt == 1
    end
    wait_until("two batches") { seen.size == 2 }
    expect(drained).to eq([[1, 2, 3], [2, 3]])
  end

  it "delivers one message at a time, and again only the one that failed" do
    seen = self.seen
    produce("orders", %w[1 2 3])
    start(batch_consuming: false) do
      seen << [params.payload, attempt]
      raise "no" if params.payload == 2 && attempt == 1
    end
    wait_until("four calls") { seen.size == 4 }
    expect(drained).to eq([[1, 1], [2, 1], [2, 2], [3, 1]])
  end

  it "commits only what was marked where offsets are managed by hand" do
    seen = self.seen
    produce("orders", %w[1 2 3])
    start(manual_offset_management: true) do
      seen << mark_as_consumed!(messages[1])
    end
    wait_until("the batch") { seen.size == 1 }
    expect([seen.pop, committed("app", "orders")]).to eq([true, 2])
    Karafka::Embedded.stop
    expect(committed("app", "orders")).to eq(2)
  end

  it "goes on after the last commit when it starts again" do
    seen = self.seen
    produce("orders", %w[1 2])
    start { seen << messages.payloads }
    wait_until("the batch") { seen.size == 1 }
    Karafka::Embedded.stop
    produce("orders", %w[3])
    Karafka::Embedded.start
    wait_until("the next batch") { seen.size == 2 }
    expect(drained).to eq([[1, 2], [3]])
  end

  it "commits what shutdown marks of a buffer" do
    consumer = Class.new(Karafka::BaseConsumer) do
      def consume = (@buffer ||= []).concat(messages.to_a)
      def shutdown = mark_as_consumed(@buffer.last)
    end
    produce("orders", %w[1 2 3])
    done = Queue.new
    Karafka.monitor.subscribe("consumer.consumed") { done << true }
    start(consumer, manual_offset_management: true)
    wait_until("the batch") { done.size.positive? }
    expect(committed("app", "orders")).to be_nil
    Karafka::Embedded.stop
    expect(committed("app", "orders")).to eq(3)
  end

  it "seeks back after the batch" do
    seen = self.seen
    produce("orders", %w[1 2 3])
    start do
      seen << messages.payloads
      @sought ||= seek(1)
    end
    wait_until("two batches") { seen.size == 2 }
    expect(drained).to eq([[1, 2, 3], [2, 3]])
  end

  it "commits what was marked before a seek" do
    Karafka::App.reset!
    produce("orders", %w[1 2 3])
    sought = Queue.new
    application do
      topic(:orders) do
        consumer(Class.new(Karafka::BaseConsumer) do
          define_method(:consume) do
            mark_as_consumed(messages.last)
            seek(:latest)
            sought << true
          end
        end)
      end
    end
    Karafka::App.config.kafka[:"auto.commit.interval.ms"] = 60_000
    Karafka::Embedded.start
    wait_until("the seek") { !sought.empty? }
    Karafka::Embedded.stop
    expect(committed("app", "orders")).to eq(3)
  end

  it "does not count as an attempt that a consumer could not be initialized" do
    Karafka::App.reset!
    seen = self.seen
    begun = 0
    consumer = Class.new(Karafka::BaseConsumer) do
      define_method(:initialized) { (begun += 1) < 4 && raise("not yet") }
      define_method(:consume) { seen << [attempt, retrying?] }
    end
    produce("orders", %w[1])
    application { topic(:orders) { consumer(consumer) } }
    Karafka::Embedded.start
    wait_until("a batch") { !seen.empty? }
    expect([begun, seen.pop]).to eq([4, [1, false]])
  end

  it "pauses, and goes on by itself" do
    seen = self.seen
    produce("orders", %w[1 2])
    start do
      seen << messages.payloads
      @paused ||= pause(messages.last.offset, 100)
    end
    wait_until("two batches") { seen.size == 2 }
    expect(drained).to eq([[1, 2], [2]])
  end

  it "says in the state what waits: for its consumer to resume it, or for what failed to come again" do
    held = Queue.new
    2.times { |partition| produce("orders", %w[1], partition: partition) }
    start do
      partition.zero? ? (held << self) && pause(:consecutive, -1) : raise("no")
    end
    waiting = -> { Karafka::Server.state[:waiting].to_h { |one| [one[:partition], one[:for_ms]] } }
    wait_until("both to wait") { (now = waiting.call).size == 2 && now[0].nil? && now[1].positive? }
    held.pop.resume
    wait_until("one to go on") { !waiting.call.key?(0) }
  end

  it "tells about the end of a partition" do
    seen = self.seen
    consumer = Class.new(Karafka::BaseConsumer) do
      define_method(:consume) { seen << messages.payloads }
      define_method(:eofed) { seen << :eofed }
    end
    produce("orders", %w[1])
    produce("orders", %w[1], partition: 1)
    start(consumer, eofed: true)
    wait_until("batches and ends") { seen.size >= 4 }
    expect(drained.tally).to include([1] => 2, :eofed => 2)
  end

  it "tells the former owner that a partition was taken away, which can mark no more" do
    seen = self.seen
    consumer = Class.new(Karafka::BaseConsumer) do
      define_method(:consume) { @last = messages.last }
      define_method(:revoked) { seen << [partition, revoked?, @last ? mark_as_consumed(@last) : false] }
    end
    done = Queue.new
    Karafka.monitor.subscribe("consumer.consumed") { done << true }
    2.times { |partition| produce("orders", %w[1], partition: partition) }
    start(consumer)
    wait_until("both batches") { done.size == 2 }
    other = Karafka::Engine.new(Karafka::Engine::Config.new.to_h)
    other.start
    # A group that does not agree at once may take them more than once.
    rows = []
    wait_until("the revocations") { rows.concat(drained).map(&:first).uniq.size == 2 }
    expect(rows.uniq).to contain_exactly([0, true, false], [1, true, false])
  ensure
    other&.stop
    settle_rest(other) if other
  end

  # Nobody works for the second member, so its leases are given back here.
  def settle_rest(engine)
    thread = Thread.new do
      while (lease = engine.take)
        lease.release
      end
    end
    wait_until("the second member to leave") { engine.join(100) }
    thread.join(Wait::LONG)
  end
end

# frozen_string_literal: true

require "spec_helper"
require "support/mock_cluster"
require "waterdrop"

# A wait that returns says that the subscribers were called, too.
RSpec.describe "waiting for a message that subscribers hear of" do
  include MockCluster

  before { broker.create_topic("orders", 1) }
  after { close_cluster }

  let(:made) { new_producer }
  let(:seen) { Queue.new }

  def subscribe(event = "message.acknowledged", &block)
    made.monitor.subscribe(event) do |details|
      # Whoever does not wait for this is faster.
      Thread.pass
      seen << (block ? block.call(details) : details[:offset])
    end
  end

  def all_seen
    Array.new(seen.size) { seen.pop(true) }
  end

  def seconds
    started = Karafka::Clock.now
    yield
    Karafka::Clock.now - started
  end

  it "returns after produce_sync and a handle's wait, by the short way too, when they were called" do
    subscribe
    late = Array.new(300) { |index| made.produce_sync(topic: "orders", payload: "x") && seen.size == index + 1 }
    late += Array.new(200) { |index| made.produce_async(topic: "orders", payload: "x").wait && seen.size == index + 301 }
    expect([late.count(false), all_seen]).to eq([0, (0..499).to_a])
  end

  it "returns after produce_many_sync and flush_sync when they were called for all" do
    subscribe
    made.produce_many_sync(Array.new(1_000) { { topic: "orders", payload: "x" } })
    expect(all_seen).to eq((0..999).to_a)
    20.times { made.buffer(topic: "orders", payload: "x") }
    made.flush_sync
    expect(all_seen).to eq((1_000..1_019).to_a)
  end

  it "returns for one of many when they were called for that one" do
    heard = Queue.new
    made.monitor.subscribe("message.acknowledged") { |event| heard.pop if event[:offset] == 30 }
    handles = made.produce_many_async(Array.new(40) { { topic: "orders", payload: "x" } })
    # A second for each, else.
    expect(seconds { handles.first(30).each(&:wait) }).to be < 25
    waiting = Thread.new { handles[39].wait(max_wait_timeout_ms: 60_000) }
    wait_until("it to wait for the subscriber") { heard.num_waiting == 1 && waiting.status == "sleep" }
    heard << true
    expect(waiting.value.offset).to eq(39)
  end

  it "raises for a message that failed when they were called, on_delivery blocks as well" do
    subscribe("error.occurred") { |event| event[:type] }
    20.times do |index|
      # The message is too large, says the broker.
      broker.request_errors("produce", [10, 10, 10])
      handle = made.produce_async(topic: "orders", payload: "x")
      handle.on_delivery { seen << :block }
      expect { handle.wait }.to raise_error(WaterDrop::Errors::ProduceError)
      expect(seen.size).to eq((index + 1) * 2)
    end
    expect(all_seen.uniq).to eq(["librdkafka.dispatch_error", :block])
  end

  it "says the same of a message field by field and as a whole" do
    made.monitor.subscribe("message.acknowledged") do |event|
      fields = %i[topic partition offset label producer_id caller delivery_report other].to_h { |name| [name, event[name]] }
      seen << [fields, event.payload, event.to_h.equal?(event.payload), event.fetch(:offset), event.fetch(:other, 7)]
    end
    2.times { made.produce_async(topic: "orders", payload: "x") }
    2.times do |offset|
      fields, payload, same, *fetched = seen.pop
      expect([fields.compact, same, fetched]).to eq([payload.compact, true, [offset, 7]])
      expect(payload).to include(topic: "orders", partition: 0, offset: offset, producer_id: made.id)
      expect(payload[:delivery_report]).to have_attributes(topic: "orders", offset: offset, error: nil, latency_us: be_positive)
    end
  end

  it "waits a second at most for one that needs what the waiting thread holds" do
    lock = Mutex.new
    made.monitor.subscribe("message.acknowledged") { |event| lock.synchronize { seen << event[:offset] } }
    report = nil
    took = lock.synchronize { seconds { report = made.produce_sync(topic: "orders", payload: "x") } }
    expect(report.offset).to eq(0)
    expect(took).to be_between(0.9, 10)
    expect(seen.pop).to eq(0)
    # Where the time of the wait itself is shorter, that holds.
    took = shortest(0.95) { lock.synchronize { seconds { made.produce_sync({ topic: "orders", payload: "x" }, 300) } } }
    expect(took).to be_between(0.2, 0.95)
    expect(seen.pop).to eq(1)
  end

  it "does not wait for itself in a subscriber that produces" do
    took = Queue.new
    made.monitor.subscribe("message.acknowledged") do |event|
      took << seconds { 30.times { made.produce_sync(topic: "orders", payload: "second") } } if event[:label] == :first
    end
    made.produce_sync(topic: "orders", payload: "x", label: :first)
    expect(took.pop).to be < 25
  end

  it "goes on where a subscriber ends its thread or raises" do
    made.monitor.subscribe("message.acknowledged") do |event|
      seen << event[:offset]
      Thread.exit if event[:offset] == 3
      raise "no" if event[:offset] == 5
    end
    expect(seconds { 40.times { made.produce_sync(topic: "orders", payload: "x") } }).to be < 30
    expect(all_seen).to eq((0..39).to_a)
  end

  it "announces each of many once and in order, where a subscriber ends its thread or raises at any of them" do
    seed = Random.new_seed
    random = Random.new(seed)
    made.monitor.subscribe("message.acknowledged") do |event|
      seen << [event[:topic], event[:offset]]
      [-> { Thread.exit }, -> { raise "no" }, -> {}, -> {}].sample(random: random).call
    end
    broker.create_topic("payments", 1)
    sent = Array.new(300) { { topic: %w[orders payments].sample(random: random), payload: "x" } }
    made.produce_many_sync(sent)
    wait_until("all events") { seen.size >= 300 }
    counts = sent.map { |message| message[:topic] }.tally
    expect(all_seen.group_by(&:first).transform_values { |events| events.map(&:last) })
      .to eq(counts.transform_values { |count| (0...count).to_a }), "seed #{seed}"
  end

  # The one that a subscriber hears of just then may be lost, none of the others.
  it "goes on where the thread is killed from outside, also before its first step" do
    subscribe
    over = false
    kills = 0
    killer = Thread.new do
      until over
        Thread.list.find { |thread| thread.name == "waterdrop.events" }&.kill&.then { kills += 1 }
        # So that they live long enough to do something.
        sleep(rand * 0.002)
      end
    end
    100.times { made.produce_many_sync(Array.new(50) { { topic: "orders", payload: "x" } }) }
    over = true
    killer.join
    made.close
    offsets = all_seen
    expect(offsets).to eq(offsets.uniq)
    expect([offsets.size + kills, kills]).to match([be >= 5_000, be > 10])
  end

  it "heeds at once who subscribes or unsubscribes meanwhile" do
    later = ->(event) { seen << [:later, event[:offset]] }
    first = lambda do |event|
      seen << [:first, event[:offset]]
      next unless event[:offset] == 3

      made.monitor.subscribe("message.acknowledged", &later)
      made.monitor.unsubscribe(first)
    end
    made.monitor.subscribe("message.acknowledged", &first)
    made.produce_many_sync(Array.new(20) { { topic: "orders", payload: "x" } })
    expect(all_seen).to eq([*(0..3).map { |offset| [:first, offset] }, *(4..19).map { |offset| [:later, offset] }])
  end

  it "announces those in order that others have a label or a block among" do
    blocks = Queue.new
    made.monitor.subscribe("message.acknowledged") { |event| seen << [event[:offset], event[:label]] }
    handles = made.produce_many_async(Array.new(100) { |index| { topic: "orders", payload: "x", label: (:twenty if index == 20) } })
    handles[50].on_delivery { |report| blocks << report.offset }
    handles.each(&:wait)
    expect(all_seen).to eq(Array.new(100) { |index| [index, (:twenty if index == 20)] })
    expect([blocks.pop, blocks.empty?]).to eq([50, true])
  end

  it "waits longer for subscribers that get further" do
    made.monitor.subscribe("message.acknowledged") { |event| seen << event[:offset] if sleep(0.15) }
    made.produce_many_sync(Array.new(10) { { topic: "orders", payload: "x" } })
    expect(all_seen).to eq((0..9).to_a)
  end

  it "ends with the producer" do
    go_on = Queue.new
    made.monitor.subscribe("message.acknowledged") { go_on.pop }
    handle = made.produce_async(topic: "orders", payload: "x")
    waiting = Thread.new { handle.wait.offset }
    wait_until("the subscriber") { go_on.num_waiting == 1 }
    closing = Thread.new { made.close }
    expect(waiting.value).to eq(0)
    go_on << true
    expect(closing.value).to eq(0)
  end

  it "tells each label, however many turns the reports of one call take" do
    labels = Queue.new
    few = new_producer({ "batch.num.messages": 10, "linger.ms": 0 })
    few.monitor.subscribe("message.acknowledged") do |event|
      wait_until("all reports") { few.queue_size.zero? } if labels.empty?
      labels << event[:label]
    end
    few.produce_many_sync(Array.new(500) { |index| { topic: "orders", payload: "x", label: index } })
    wait_until("all labels") { labels.size == 500 }
    expect(Array.new(500) { labels.pop }).to eq((0..499).to_a)
    expect(few.client.instance_variable_get(:@watched)).to be_empty
  end

  it "keeps no label of what was refused" do
    small = new_producer({ "queue.buffering.max.messages": 5, "linger.ms": 500 }) { |config| config.wait_on_queue_full = false }
    small.monitor.subscribe("message.acknowledged") { |event| seen << event[:label] }
    messages = Array.new(20) { |index| { topic: "orders", payload: "x", label: index } }
    expect { small.produce_many_async(messages) }.to raise_error(WaterDrop::Errors::ProduceManyError)
    wait_until("those that were taken") { seen.size == 5 }
    wait_until("nothing is watched") { small.client.instance_variable_get(:@watched).empty? }
    expect(all_seen).to eq([0, 1, 2, 3, 4])
  end
end

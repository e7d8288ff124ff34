# frozen_string_literal: true

require "spec_helper"
require "support/mock_cluster"
require "waterdrop"

# What can go wrong with a message, each with its error. What only a real broker says is in spec/kafka/produce_spec.rb.
RSpec.describe "messages that cannot be delivered" do
  include MockCluster

  before { broker.create_topic("orders", 1) }

  after { close_cluster }

  attr_reader :made

  def producer(kafka = {}, &)
    @made = new_producer({ "message.timeout.ms": 60_000, **kafka }, &)
  end

  def error_of
    yield
    nil
  rescue WaterDrop::Errors::ProduceError => e
    [e.code, e.fatal?, e.retryable?]
  end

  it "authorisation is refused, to the topic or to the cluster" do
    { 29 => :topic_authorization_failed, 31 => :cluster_authorization_failed }.each do |number, code|
      broker.request_errors("produce", [number])
      made = producer("message.send.max.retries": 0)
      expect(error_of { made.produce_sync(topic: "orders", payload: nil) }).to eq([code, false, false])
      made.close(0)
    end
  end

  it "who waits for them hears of it in an event before the error comes" do
    made = producer("message.send.max.retries": 0)
    told = []
    made.monitor.subscribe("error.occurred") { |event| told << event if Thread.current == Thread.main || event[:type].include?("sync") }
    broker.request_errors("produce", [10])
    error_of { made.produce_sync(topic: "orders", payload: "1") }
    expect(told.map { |event| [event[:type], event[:message], event[:error].code] })
      .to eq([["message.produce_sync", { topic: "orders", payload: "1" }, :msg_size_too_large]])
    told.clear
    # Their batch, and each of them alone.
    broker.request_errors("produce", [10, 10, 10])
    error_of { made.produce_many_sync([{ topic: "orders", payload: "1" }, { topic: "orders", payload: "2" }]) }
    event, *others = told
    expect([event[:type], event[:messages].size, event[:dispatched].size, others]).to eq(["messages.produce_many_sync", 2, 2, []])
  end

  it "nobody waits and nobody listens: the log says what was not delivered" do
    log = StringIO.new
    made = WaterDrop::Producer.new do |config|
      config.kafka = { "bootstrap.servers": "127.0.0.1:1", "message.timeout.ms": 50, log_level: 0 }
      config.logger = Logger.new(log)
    end
    made.produce_async(topic: "orders", payload: "x")
    wait_until("the log") { log.string.include?("librdkafka.dispatch_error: a message to orders was not delivered") }
    made.close(0)
  end

  it "a message is larger than librdkafka or the broker takes" do
    made = producer("message.max.bytes": 2_000) { |config| config.max_payload_size = 5_000 }
    expect(error_of { made.produce_sync(topic: "orders", payload: "x" * 3_000) }).to eq([:msg_size_too_large, false, false])
    expect { made.produce_sync(topic: "orders", payload: "x" * 6_000) }.to raise_error(WaterDrop::Errors::MessageInvalidError, /payload/)
    broker.request_errors("produce", [10])
    expect(error_of { made.produce_sync(topic: "orders", payload: "x") }).to eq([:msg_size_too_large, false, false])
  end

  it "a timestamp in seconds is sent as it is, and the log of the producer says so once" do
    log = StringIO.new
    made = producer { |config| config.logger = Logger.new(log) }
    2.times { made.produce_sync(topic: "orders", payload: "x", timestamp: 1_700_000_000) }
    made.produce_many_sync([{ topic: "orders", payload: "x", timestamp: 1_700_000_000 }])
    wait_until("the log") { log.string.include?("timestamp 1700000000 is before the year 2000") }
    made.close
    expect(log.string.scan("before the year 2000").size).to eq(1)
  end

  it "the label of a message is told with its failure, whoever listens to what" do
    %w[error.occurred message.purged].each do |name|
      made = producer("bootstrap.servers": "127.0.0.1:1")
      labels = Queue.new
      made.monitor.subscribe(name) { |event| labels << event[:label] if event[:delivery_report] }
      made.produce_async(topic: "orders", payload: "x", label: :alone)
      made.produce_many_async([{ topic: "orders", payload: "x" }, { topic: "orders", payload: "x", label: :second }])
      made.purge
      wait_until("three failures") { labels.size == 3 }
      expect(Array.new(3) { labels.pop }).to eq([:alone, nil, :second])
      made.close(0)
    end
  end

  it "a topic that does not exist yet has no partitions for a partition key: librdkafka chooses, and the broker makes the topic" do
    made = producer
    report = made.produce_sync(topic: "made-by-the-broker", payload: "x", partition_key: "k")
    expect([report.topic, report.offset]).to eq(["made-by-the-broker", 0])
    made.close
  end

  it "the partitions for a partition key cannot be asked for: an error of the producer, told to who listens" do
    made = producer("bootstrap.servers": "127.0.0.1:1")
    told = Queue.new
    made.monitor.subscribe("error.occurred") { |event| told << event if event[:type] == "message.produce_async" }
    expect { made.produce_async(topic: "orders", payload: "x", partition_key: "k") }
      .to raise_error(WaterDrop::Errors::ProduceError, /refused: .*\. Meanwhile: .*Connection refused.*"bootstrap.servers"/) { |error|
        expect(error.cause.code).to eq(:transport).or(eq(:timed_out))
        expect(error.cause.cause.code).to eq(:transport)
      }
    expect(told.pop[:error]).to be_a(WaterDrop::Errors::ProduceError)
    messages = [{ topic: "orders", payload: "x", partition: 0 }, { topic: "orders", payload: "x", partition_key: "k" }]
    expect { made.produce_many_async(messages) }
      .to raise_error(WaterDrop::Errors::ProduceManyError) { |error| expect(error.dispatched.size).to eq(1) }
    made.close(0)
  end

  it "the partitions for a partition key cannot be asked for in the time that a call may wait" do
    made = producer("bootstrap.servers": "127.0.0.1:1")
    quick = made.with(max_wait_timeout: 200)
    message = { topic: "orders", payload: "x", partition_key: "k" }
    text = /nothing was sent: .* orders.* within 200 ms .*Connection refused.*"bootstrap.servers"/
    took = shortest(5) do
      began = Process.clock_gettime(Process::CLOCK_MONOTONIC)
      expect { quick.produce_sync(message) }.to raise_error(WaterDrop::Errors::ProduceError, text)
      expect { quick.produce_many_sync([message, { topic: "orders", payload: "x", partition: 0 }]) }
        .to raise_error(WaterDrop::Errors::ProduceManyError, /within 200 ms/) { |error| expect(error.dispatched).to be_empty }
      Process.clock_gettime(Process::CLOCK_MONOTONIC) - began
    end
    # The engine alone takes 5 seconds each time.
    expect(took).to be < 5
    made.close(0)
    known = producer.with(max_wait_timeout: 4_000)
    expect(known.produce_sync(message).topic).to eq("orders")
    expect { known.produce_sync(message.merge(topic: "no spaces")) }.to raise_error(WaterDrop::Errors::MessageInvalidError)
  end

  it "no broker was there at the start, and comes later" do
    broker.broker_down(1)
    made = producer("reconnect.backoff.max.ms": 200)
    early = made.produce_async(topic: "orders", payload: "early")
    expect { early.wait(max_wait_timeout_ms: 200) }.to raise_error(WaterDrop::Errors::ProduceError, /may still be delivered/)
    broker.broker_up(1)
    expect(early.wait.offset).to eq(0)
  end

  # WATERDROP_OUTAGE_SECONDS=60 is the real thing.
  seconds = Float(ENV.fetch("WATERDROP_OUTAGE_SECONDS", "1"))

  it "the broker is away for a while: what has the time for it is delivered, once; the rest is reported", deadline: (2 * seconds) + 120 do
    made = producer("reconnect.backoff.max.ms": 200, "message.timeout.ms": ((seconds + 60) * 1_000).to_i, "enable.idempotence": true)
    made.produce_sync(topic: "orders", payload: "before")
    broker.broker_down(1)
    during = Array.new(50) { |index| made.produce_async(topic: "orders", payload: index.to_s) }
    expect { during.last.wait(max_wait_timeout_ms: seconds * 1_000) }.to raise_error(WaterDrop::Errors::ProduceError)
    broker.broker_up(1)
    expect(during.map { |handle| handle.wait(max_wait_timeout_ms: (seconds + 60) * 1_000).offset }).to eq((1..50).to_a)
  end
end

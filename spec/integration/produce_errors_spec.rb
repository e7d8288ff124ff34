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
      expect(error_of { made.produce_sync(topic: "orders") }).to eq([code, false, false])
      made.close(0)
    end
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

# frozen_string_literal: true

require_relative "../spec_helper"
require_relative "../support/real_kafka"

RSpec.describe "producing to a real Kafka" do
  include RealKafka

  after do
    stop_application
    @own&.down
  end

  def made(kafka = {})
    servers = cluster.bootstrap_servers
    WaterDrop::Producer.new do |config|
      config.kafka = { "bootstrap.servers": servers, log_level: 0 }.merge(kafka)
      config.max_payload_size = 5_000_000
      config.logger = Logger.new(File::NULL)
    end
  end

  def code_of
    yield
    nil
  rescue WaterDrop::Errors::ProduceError => e
    e.code
  end

  # librdkafka asks for a producer's id 500 ms after its start, unless an answer about metadata comes from a broker that stays connected.
  it "sends the first message of an idempotent producer without waiting for a timer" do
    topic = cluster.create_topic
    seconds = Array.new(5) do
      begun = Process.clock_gettime(Process::CLOCK_MONOTONIC)
      sender = made("enable.idempotence": true)
      sender.produce_sync(topic: topic, payload: "x")
      Process.clock_gettime(Process::CLOCK_MONOTONIC) - begun
    ensure
      sender&.close
    end
    # A busy machine makes some slower, the timer is never shorter.
    expect(seconds.min).to be < 0.45
  end

  it "says that a topic is not there, and that a message is too large for it" do
    small = cluster.create_topic(config: { "max.message.bytes" => 1_000 })
    sender = made("topic.metadata.propagation.max.ms": 200, "message.max.bytes": 5_000_000)
    expect(code_of { sender.produce_sync(topic: "nowhere-#{SecureRandom.hex(4)}", payload: nil) })
      .to be(:unknown_topic).or(be(:unknown_topic_or_part))
    expect(code_of { sender.produce_sync(topic: small, payload: "x" * 2_000) }).to eq(:msg_size_too_large)
    expect(sender.produce_sync(topic: small, payload: "x").offset).to eq(0)
    expect { sender.partition_count("nowhere-#{SecureRandom.hex(4)}") }.to raise_error(Karafka::Errors::KafkaError) { |error|
      expect(error.code).to eq(:unknown_topic_or_part)
    }
    expect(sender.partition_count(small)).to eq(1)
    expect(sender.close).to eq(0)
  end

  # librdkafka's words of the broker's are in memory that is free by then.
  it "says what is wrong with a timestamp, in words that are there, each time" do
    topic = cluster.create_topic
    sender = made
    texts = Array.new(60) do |index|
      sender.produce_async(topic: topic, payload: "x" * (index * 40), timestamp: 4_102_444_800_000 + index).wait.offset
    rescue WaterDrop::Errors::ProduceError => e
      e.message
    end
    said = /\Aa message to #{topic} was not delivered: Broker: Invalid timestamp\. .*message\.timestamp\.after\.max\.ms/
    expect(texts).to all(match(said))
    sender.close
  end

  it "says that it may not write", deadline: 300 do
    skip("needs a cluster of its own") if ENV.key?("KARAFKA_TEST_BROKERS")

    security = { "authorizer.class.name" => "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
                 "allow.everyone.if.no.acl.found" => true }
    @own = @cluster = KafkaCluster.new("spec-acl").up(nodes: 1, heap: "256m", properties: security)
    closed = cluster.create_topic
    cluster.tool("org.apache.kafka.tools.AclCommand", "--bootstrap-server", cluster.bootstrap_servers, "--add",
                 "--allow-principal", "User:somebody", "--operation", "Write", "--topic", closed)
    sender = made("message.timeout.ms": 60_000)
    # The broker hears of it a little later than the tool ends.
    wait_until("the refusal") { code_of { sender.produce_sync(topic: closed, payload: nil) } == :topic_authorization_failed }
    expect(sender.produce_sync(topic: cluster.create_topic, payload: nil).offset).to eq(0)
    sender.close
  end

  it "sends from a parent and four children at once, closed in any order", deadline: 300 do
    topic = cluster.create_topic(partitions: 4)
    random = Random.new(seed = Random.new_seed % 1_000_000)
    # Or a message that a busy broker acknowledges late would come twice.
    sender = made("enable.idempotence": true)
    sender.produce_sync(topic: topic, payload: nil)
    work = lambda do |name, late|
      handles = Array.new(1_000) { |index| sender.produce_async(topic: topic, key: index.to_s, payload: "#{name} #{index}") }
      handles.concat(sender.produce_many_async(Array.new(1_000) { |index| { topic: topic, key: index.to_s, payload: "#{name} #{index}" } }))
      sleep late
      [sender.close, handles.count { |handle| handle.wait.error }]
    end
    delays = Array.new(5) { random.rand(0.0..0.3) }
    children = Array.new(4) { |child| fork { exit!(work.call("child #{child}", delays[child]) == [0, 0] ? 0 : 1) } }
    expect(work.call("parent", delays.last)).to eq([0, 0]), "seed #{seed}"
    expect(children.map { |pid| wait_for_exit(pid).exitstatus }).to eq([0] * 4), "seed #{seed}"
    expect(cluster.watermarks(topic).values.sum(&:last)).to eq(10_001), "seed #{seed}"
  end
end

# frozen_string_literal: true

require "spec_helper"
require "support/mock_cluster"
require "waterdrop"

RSpec.describe "variants of a producer" do
  include MockCluster

  after { close_cluster }

  def producer(servers = broker.bootstrap_servers, &)
    @made = new_producer({ "bootstrap.servers": servers }, &)
  end

  it "sends with its own acks to a topic that the producer also sends to" do
    broker.create_topic("orders", 1)
    made = producer
    expect(made.produce_sync(topic: "orders", payload: nil).offset).to eq(0)
    # Without an acknowledgement there is no offset: so the other settings are in force.
    expect(made.with(topic_config: { acks: 0 }).produce_sync(topic: "orders", payload: nil).offset).to be_negative
    expect(made.with(topic_config: { acks: 1 }).produce_sync(topic: "orders", payload: nil).offset).to eq(2)
    expect(made.produce_sync(topic: "orders", payload: nil).offset).to eq(3)
    expect(made.close).to eq(0)
  end

  it "makes one client for the same settings, at the first message, and tells as its producer would" do
    broker.create_topic("orders", 1)
    made = producer
    seen = Queue.new
    %w[producer.connected producer.closed message.produced_sync].each { |name| made.monitor.subscribe(name) { |event| seen << event } }
    # Those of the example before may end meanwhile.
    before = Thread.list
    clients = -> { (Thread.list - before).count { |thread| thread.name == "waterdrop.events" } }
    variants = Array.new(8) { made.with(topic_config: { acks: 1, "compression.codec": "gzip" }) }
    expect(Thread.list - before).to eq([])
    offsets = variants.map { |variant| Thread.new { variant.produce_sync(topic: "orders", payload: "x" * 500).offset } }.map(&:value)
    expect(offsets.sort).to eq((0...8).to_a)
    expect(clients.call).to eq(1)
    made.close
    events = drain(seen)
    expect(events.map(&:id).tally).to eq("message.produced_sync" => 8, "producer.closed" => 1)
    expect(events.map { |event| event[:producer_id] }.uniq).to eq([made.id])
  end

  it "waits as long as it was told, for single messages, many and a flush" do
    made = producer("127.0.0.1:1")
    variant = made.with(max_wait_timeout: 20)
    variant.buffer(topic: "orders", payload: nil)
    calls = [-> { variant.produce_sync(topic: "orders", payload: nil) },
             -> { variant.produce_many_sync([{ topic: "orders", payload: nil }]) },
             -> { variant.tombstone_sync(topic: "orders", key: "k") }, -> { variant.flush_sync }]
    calls.each { |call| expect(&call).to raise_error(WaterDrop::Errors::ProduceError, /within 20 ms/) }
    # The same client: all of them are the producer's.
    expect(made.queue_size).to eq(4)
  end

  it "counts, purges and closes what its variants have" do
    made = producer("127.0.0.1:1") { |config| config.max_wait_timeout = 50 }
    made.produce_async(topic: "orders", payload: nil)
    variant = made.with(topic_config: { acks: 1 })
    handle = variant.produce_async(topic: "orders", payload: nil)
    expect(made.queue_size).to eq(2)
    made.purge
    expect(made.queue_size).to eq(0)
    expect(handle.report.error.code).to eq(:purge_queue)
    variant.produce_async(topic: "orders", payload: nil)
    expect(made.close).to eq(1)
    expect { variant.produce_async(topic: "orders", payload: nil) }.to raise_error(WaterDrop::Errors::ProducerClosedError)
  end

  it "goes on in a forked child" do
    broker.create_topic("orders", 1)
    variant = producer.with(topic_config: { acks: 1 })
    variant.produce_sync(topic: "orders", payload: nil)
    reader, writer = IO.pipe
    pid = fork do
      writer.write([variant.queue_size, variant.produce_sync(topic: "orders", payload: nil).offset, variant.close].inspect)
      exit!(0)
    end
    expect(wait_for_exit(pid)).to be_success
    writer.close
    expect(reader.read).to eq("[0, 1, 0]")
    expect(variant.produce_sync(topic: "orders", payload: nil).offset).to eq(2)
  end
end

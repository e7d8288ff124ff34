# frozen_string_literal: true

require "waterdrop"

RSpec.describe WaterDrop::Clients do
  def producer(client_class = described_class::Buffered, kafka = {})
    WaterDrop::Producer.new do |config|
      config.client_class = client_class
      config.kafka = kafka
      yield config if block_given?
    end
  end

  it "keeps what was produced, as it was after the middleware" do
    made = producer
    made.middleware.append(->(message) { message.merge(key: "k") })
    made.produce_sync(topic: "orders", payload: "1")
    made.produce_many_async([{ topic: :videos, payload: nil }, { topic: "orders", payload: "2" }])
    made.buffer(topic: "orders", payload: "3")
    expect(made.client.messages.size).to eq(3)
    made.flush_sync
    expect(made.client.messages_for("orders").map { |message| message.values_at(:payload, :key) }).to eq([%w[1 k], %w[2 k], %w[3 k]])
    expect(made.client.messages_for(:videos).size).to eq(1)
    made.client.reset
    expect(made.client.messages).to eq([])
  end

  it "counts offsets by partition, in both kinds" do
    [described_class::Buffered, described_class::Dummy].each do |kind|
      made = producer(kind)
      made.client.create_topic("orders", 2)
      messages = [0, 1, 0, 1, 1].map { |partition| { topic: "orders", payload: nil, partition: partition } }
      reports = made.produce_many_sync(messages).map(&:report)
      expect(reports.map { |report| [report.partition, report.offset] }).to eq([[0, 0], [1, 0], [0, 1], [1, 1], [1, 2]])
      expect(made.produce_sync(topic: "videos", payload: nil, partition: 7).then { |report| [report.partition, report.offset] })
        .to eq([7, 0])
      expect([made.partition_count("orders"), made.partition_count("videos")]).to eq([2, 1])
    end
  end

  it "puts keys where librdkafka's partitioner does" do
    # CRC-32 of the bytes, which is also ruby-kafka's; murmur2 of Java's client, whose value for "foobar" is -790332482.
    { {} => 0xcbf43926 % 12, { partitioner: "consistent" } => 0xcbf43926 % 12 }.each do |kafka, partition|
      made = producer(described_class::Buffered, kafka)
      made.client.create_topic("orders", 12)
      expect(made.produce_sync(topic: "orders", payload: nil, key: "123456789").partition).to eq(partition)
      expect(made.produce_sync(topic: "orders", payload: nil, key: "other", partition_key: "123456789").partition).to eq(partition)
    end
    made = producer(described_class::Buffered, partitioner: "murmur2_random")
    made.client.create_topic("orders", 12)
    expect(made.produce_sync(topic: "orders", payload: nil, key: "foobar").partition).to eq((-790_332_482 & 0x7fffffff) % 12)
    expect(Array.new(4) { made.produce_sync(topic: "orders", payload: nil).partition }).to eq([0, 1, 2, 3])
  end

  it "fails for a partition that a topic does not have, and keeps nothing of it" do
    made = producer
    made.client.create_topic("orders", 1)
    errors = []
    made.monitor.subscribe("error.occurred") { |event| errors << [event[:type], event[:error].code] }
    expect { made.produce_sync(topic: "orders", payload: nil, partition: 1) }.to raise_error(WaterDrop::Errors::ProduceError) { |error|
      expect(error.code).to eq(:unknown_partition)
    }
    expect { made.produce_many_sync([{ topic: "orders", payload: nil }, { topic: "orders", payload: nil, partition: 1 }]) }
      .to raise_error(WaterDrop::Errors::ProduceManyError, /message 1 of 2/)
    types = %w[librdkafka.dispatch_error message.produce_sync librdkafka.dispatch_error messages.produce_many_sync]
    expect(errors).to eq(types.map { |type| [type, :unknown_partition] })
    expect(made.client.messages).to eq([{ topic: "orders", payload: nil }])
    expect { made.client.create_topic("orders", 0) }.to raise_error(ArgumentError, /1 partition or more/)
  end

  it "checks settings and messages as the engine does" do
    expect { producer(described_class::Buffered, acks: "many") }.to raise_error(WaterDrop::Errors::ConfigurationInvalidError, /acks/)
    expect { producer(described_class::Dummy, "no.such": 1) }.to raise_error(WaterDrop::Errors::ConfigurationInvalidError, /no\.such/)
    made = producer { |config| config.max_payload_size = 3 }
    expect { made.produce_many_sync([{ topic: "orders", payload: nil }, { topic: "orders", payload: "long" }]) }
      .to raise_error(WaterDrop::Errors::MessageInvalidError, /max_payload_size/)
    expect(made.client.messages).to eq([])
    [5, "Buffered", Class.new].each do |wrong|
      expect { producer(wrong) }.to raise_error(WaterDrop::Errors::ConfigurationInvalidError, /client_class/)
    end
  end

  it "answers handles and listeners" do
    made = producer
    seen = []
    made.monitor.subscribe("message.acknowledged") { |event| seen << event.payload.values_at(:topic, :partition, :offset, :label) }
    handle = made.produce_async(topic: "orders", payload: nil, label: 5)
    handle.on_delivery { |report| seen << report.label }
    expect(handle.wait).to be_delivered
    expect(seen).to eq([["orders", 0, 0, 5], 5])
    expect(made.close).to eq(0)
    expect { made.produce_async(topic: "orders", payload: nil) }.to raise_error(WaterDrop::Errors::ProducerClosedError)
  end

  it "takes no broker and starts no thread" do
    before = Thread.list
    producer.produce_sync(topic: "orders", payload: nil)
    # Threads of the example before may end meanwhile.
    expect(Thread.list - before).to eq([])
  end

  it "is the engine's by its old name" do
    made = producer(described_class::Rdkafka, "bootstrap.servers": "127.0.0.1:1")
    expect(made.client.native).not_to be_nil
    expect { producer(described_class::Rdkafka) }.to raise_error(WaterDrop::Errors::ConfigurationInvalidError, /bootstrap.servers/)
  end
end

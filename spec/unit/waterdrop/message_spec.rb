# frozen_string_literal: true

require "waterdrop"

RSpec.describe "messages of a producer" do
  let(:producer) { WaterDrop::Producer.new { |config| config.deliver = false } }

  fine = { topic: "orders", payload: "x" }

  {
    topic: [nil, "", "a b", ".", "x" * 250, 5],
    payload: [5, :x, {}, "x" * 1_000_013],
    key: [5, :k, []],
    partition: ["1", 1.5, -2, 2**40],
    partition_key: [5, ""],
    timestamp: ["now", 1.5, -1, 0, 2**70, Time.at(2**62), Time.at(0)],
    headers: ["x", { 5 => "x" }, { "x" => 5 }, { "x" => [5] }, { "x\0y" => "z" }]
  }.each do |field, values|
    values.each do |value|
      it "refuses #{field} #{value.inspect[0, 30]} and names the field" do
        expect { producer.produce_async(fine.merge(field => value)) }.to raise_error(WaterDrop::Errors::MessageInvalidError) { |error|
          expect(error.field).to eq(field)
          expect(error.message).to start_with("message[:#{field}] ")
        }
      end
    end
  end

  it "refuses what it does not know" do
    expect { producer.produce_async(fine.merge(paylod: "x")) }
      .to raise_error(WaterDrop::Errors::MessageInvalidError, /unknown key :paylod; a message has topic, payload/)
    expect { producer.produce_async("topic" => "orders") }.to raise_error(WaterDrop::Errors::MessageInvalidError, /"topic".*Symbols/)
    expect { producer.produce_async("orders") }.to raise_error(WaterDrop::Errors::MessageInvalidError, /must be a Hash, not String/)
  end

  [nil, "message.acknowledged"].each do |event|
    it "sends nothing of an Array, or a String, where one message is to be#{", and somebody listens" if event}" do
      producer = WaterDrop::Producer.new { |config| config.client_class = WaterDrop::Clients::Buffered }
      producer.monitor.subscribe(event) { nil } if event
      %i[produce_sync produce_async].product([[fine, fine], [], "orders"]) do |way, given|
        expect { producer.public_send(way, given) }
          .to raise_error(WaterDrop::Errors::MessageInvalidError, "message must be a Hash, not #{given.class}")
      end
      expect(producer.client.messages).to eq([])
    end
  end

  it "counts no partitions of a topic that cannot be" do
    [nil, "", "a b", 5].each do |topic|
      expect { producer.partition_count(topic) }.to raise_error(ArgumentError, /\Athe topic is #{topic.inspect}, but must be 1 to 249/)
    end
    expect(producer.partition_count(:orders)).to eq(1)
  end

  it "refuses a message that has no payload key, and takes an explicit nil for a tombstone" do
    %i[produce_sync produce_async buffer].each do |way|
      expect { producer.public_send(way, { topic: "orders", key: "k" }) }
        .to raise_error(WaterDrop::Errors::MessageInvalidError, /\Amessage\[:payload\] is missing: .* With nil it is a tombstone/)
    end
    expect(producer.produce_sync(topic: "orders", key: "k", payload: nil)).to be_delivered
    expect(producer.tombstone_sync(topic: "orders", key: "k")).to be_delivered
  end

  it "says which message of a call is wrong, and that nothing was sent" do
    expect { producer.produce_many_async([fine, fine, { topic: "orders", payload: nil, key: 5 }]) }
      .to raise_error(WaterDrop::Errors::MessageInvalidError, /message\[:key\].*message 2 of the call; nothing was sent/) { |error|
        expect(error.index).to eq(2)
      }
    expect do
      producer.produce_many_async([fine, nil])
    end.to raise_error(WaterDrop::Errors::MessageInvalidError, /must be a Hash, not NilClass/)
  end

  it "takes all that may be there" do
    headers = { "a" => "b", "many" => ["x", nil, "\xFF".b], nothing: nil }
    full = { topic: :orders, payload: nil, key: "k", partition: 0, timestamp: Time.now, headers: headers, label: Object.new }
    expect(producer.produce_sync(full)).to be_delivered
    expect(producer.produce_sync(fine.merge(timestamp: 5, partition: -1, partition_key: "x", headers: {}))).to be_delivered
  end

  it "knows tombstones" do
    expect(producer.tombstone_sync(topic: "orders", key: "k")).to be_delivered
    expect(producer.tombstone_many_async([{ topic: "orders", key: "k" }]).size).to eq(1)
    expect { producer.tombstone_sync(topic: "orders") }.to raise_error(WaterDrop::Errors::MessageInvalidError, /:key/)
    expect { producer.tombstone_many_sync(nil) }
      .to raise_error(ArgumentError, "messages must be an Array or another Enumerable of Hashes, not NilClass")
    expect do
      producer.tombstone_async(topic: "orders", key: "k", payload: "x")
    end.to raise_error(WaterDrop::Errors::MessageInvalidError, /:payload/)
  end

  it "passes the middleware first" do
    producer.middleware.append(->(message) { message.merge(payload: message[:payload] * 2) })
    producer.middleware.prepend(->(message) { message.merge(topic: "prefix.#{message[:topic]}") })
    producer.buffer(topic: "orders", payload: "ab")
    expect(producer.messages).to eq([{ topic: "prefix.orders", payload: "abab" }])
    expect { producer.middleware.append(5) }.to raise_error(ArgumentError)
  end

  it "gives the reports of what it did not deliver their labels" do
    expect(producer.produce_async(fine.merge(label: :mine)).report.label).to eq(:mine)
    expect(producer.produce_many_sync([fine, fine.merge(label: 2)]).map { |handle| handle.report.label }).to eq([nil, 2])
  end

  it "refuses what is not supported yet" do
    expect { producer.reload }.to raise_error(Karafka::Errors::UnsupportedFeatureError, /reload/)
  end
end

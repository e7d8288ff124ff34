# frozen_string_literal: true

require "support/fake_lease"

RSpec.describe Karafka::Messages::Messages do
  let(:lease) do
    FakeLease.new(['{"id":1,"u":{"n":"a"}}', '{"id":2,"u":{"n":"b"}}', '{"id":3}'], first_offset: 10, keys: ["x", nil, "x"])
  end
  let(:messages) { described_class.over(lease) }

  it "makes message objects only when they are touched, equal ones each time" do
    expect(Karafka::Messages::Message).to receive(:over).twice.and_call_original
    expect(messages.first).to eq(messages.first)
    expect([messages.size, messages.count, messages.empty?]).to eq([3, 3, false])
  end

  it "finds a message by what it is" do
    expect([messages.find_index(messages.last), messages.include?(messages.first)]).to eq([2, true])
    expect(messages.to_a & [messages[1]]).to eq([messages[1]])
    expect(messages.first).not_to eq(messages.last)
  end

  it "is Enumerable" do
    expect(messages.map(&:offset)).to eq([10, 11, 12])
    expect(messages.each.next.offset).to eq(10)
    expect(messages.each(&:itself)).to equal(messages)
    expect(messages.count { |message| message.offset > 10 }).to eq(2)
    expect([messages.last.offset, messages[-2].offset, messages[3], messages.last(2).map(&:offset)]).to eq([12, 11, nil, [11, 12]])
    expect(messages.each_slice(2).map(&:size)).to eq([2, 1])
  end

  it "becomes JSON as the list of its payloads" do
    expect([messages.to_json, { batch: messages }.to_json, messages.as_json])
      .to eq([messages.payloads.to_json, { batch: messages.payloads }.to_json, messages.payloads])
  end

  it "gives payloads, raw payloads, keys and offsets" do
    expect(messages.payloads.map { |payload| payload["id"] }).to eq([1, 2, 3])
    expect(messages.raw_payloads.last).to eq('{"id":3}')
    expect(messages.keys).to eq(["x", nil, "x"])
    expect(messages.offsets).to eq([10, 11, 12])
    expect(messages.deserialize!.first.deserialized?).to be(true)
  end

  it "keeps messages, and what was changed in their payloads, once they were deserialized" do
    messages.deserialize!
    expect(messages.first).to equal(messages.first)
    messages.each { |message| message.payload["seen"] = true }
    expect(messages.payloads).to all(include("seen" => true))
  end

  it "does not go through each, which others patch, for its own work" do
    def messages.each = raise("patched")
    expect(messages.to_a.size).to eq(3)
    expect(messages.payloads.size).to eq(3)
    expect(messages.last.offset).to eq(12)
    expect([messages.keys.size, messages.offsets.size, messages.group_by_key.size, messages.compact_by_key.size]).to eq([3, 3, 2, 2])
    expect(messages.pluck("u.n").size).to eq(3)
    expect(messages.deserialize!.parsed.size).to eq(3)
    expect(Karafka::Routing::Parallel.build("x", ->(message) { message.offset }, 2).keys(messages).size).to eq(3)
  end

  it "plucks natively, and from payloads where the topic has a deserializer of its own" do
    expect(messages.pluck("u.n")).to eq(["a", "b", nil])
    expect(messages.pluck(:id, "u.n")).to eq([[1, "a"], [2, "b"], [3, nil]])
    decoders = Karafka::Messages::Decoders.new(payload: ->(message) { JSON.parse(message.raw_payload, symbolize_names: true) })
    expect(described_class.over(lease, decoders).pluck("u.n")).to eq(["a", "b", nil])
    expect { messages.pluck }.to raise_error(ArgumentError, /at least one field/)
  end

  it "groups by key and keeps the last message of each key" do
    expect(messages.group_by_key.transform_values { |list| list.map(&:offset) }).to eq("x" => [10, 12], nil => [11])
    expect(messages.compact_by_key.map(&:offset)).to eq([11, 12])
  end

  it "tells about the batch" do
    metadata = messages.metadata
    expect([metadata.topic, metadata.partition, metadata.size, metadata.first_offset, metadata.last_offset]).to eq(["orders", 0, 3, 10, 12])
    expect([metadata.lag, metadata.attempt]).to eq([0, 1])
    expect(metadata.processing_lag).to be > 0
  end

  it "was processed when the consumer was called, also where its metadata is read behind that" do
    made = messages
    behind = Time.now
    expect(made.metadata.processed_at).to be_within(1).of(behind).and be <= behind
    expect(made.metadata.processed_at).to eq(made.metadata.processed_at)
  end

  it "tells listeners the same as its metadata" do
    metadata = messages.metadata
    expect(messages.figures).to eq([metadata.last_offset, metadata.processing_lag, metadata.consumption_lag])
    by_hand = described_class.new(messages.to_a)
    expect(by_hand.figures).to eq([12, by_hand.metadata.processing_lag, by_hand.metadata.consumption_lag])
    without = described_class.over(FakeLease.new(%w[1], timestamp_ms: -1))
    expect([without.figures.last, without.metadata.consumption_lag]).to eq([nil, nil])
    ahead = described_class.over(FakeLease.new(%w[1], timestamp_ms: (Time.now.to_i + 1_000) * 1_000))
    expect(ahead.figures).to eq([0, 0, 0])
  end

  it "can be built by hand" do
    one = Karafka::Messages::Message.new('{"a":{"b":1}}', Karafka::Messages::Metadata.new(topic: "t", partition: 0, offset: 1))
    batch = described_class.new([one])
    expect([batch.size, batch.first, batch.offsets, batch.pluck("a.b"), batch.metadata.topic]).to eq([1, one, [1], [1], "t"])
    expect(batch).to be_a(described_class)
  end
end

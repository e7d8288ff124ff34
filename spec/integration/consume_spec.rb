# frozen_string_literal: true

require "spec_helper"
require "support/mock_cluster"

RSpec.describe "consuming from a cluster" do
  include MockCluster

  let(:seen) { Queue.new }

  after do
    Karafka::Embedded.stop
    close_cluster
  end

  def drained = drain(seen)

  def drained_sizes
    (@sizes ||= []).concat(drained)
  end

  def consume(topics = { orders: 1 }, **settings, &)
    topics.each { |name, partitions| broker.create_topic(name.to_s, partitions) }
    consumer = consumer_class(&)
    application { topics.each_key { |name| topic(name) { consumer(consumer) && settings.each { |key, value| public_send(key, value) } } } }
    Karafka::Embedded.start
  end

  it "gives every message once, in the order of its partition, with key and headers" do
    seen = self.seen
    consume({ orders: 2 }) { messages.each { |message| seen << [message.partition, message.payload["id"], message.key, message.headers] } }
    produce("orders", %w[{"id":1} {"id":2}], keys: %w[a b], headers: [{ "h" => "1" }])
    produce("orders", ['{"id":3}'], partition: 1)
    wait_until("three messages") { seen.size == 3 }
    expect(drained.sort_by { |row| row[1] }).to eq([[0, 1, "a", { "h" => "1" }], [0, 2, "b", {}], [1, 3, nil, {}]])
  end

  it "knows the times, the place and the size of a batch" do
    seen = self.seen
    consume { seen << [messages.metadata, messages.last.timestamp, messages.last.received_at, messages.last.metadata] }
    before = Time.now - 1
    produce("orders", %w[1 2 3])
    wait_until("the batch") { seen.size.positive? }
    batch, timestamp, received_at, metadata = seen.pop
    expect(batch.to_h.values_at(:topic, :partition, :first_offset, :last_offset, :size, :attempt)).to eq(["orders", 0, 0, 2, 3, 1])
    expect(batch.lag).to eq(0)
    expect([timestamp, received_at]).to all(be_between(before, Time.now))
    expect([metadata.topic, metadata.offset]).to eq(["orders", 2])
  end

  it "plucks fields, and gives nil for tombstones" do
    seen = self.seen
    consume { seen << [messages.pluck("a.b"), messages.map(&:payload), messages.map(&:tombstone?)] }
    produce("orders", ['{"a":{"b":1}}', nil, '{"a":{}}'])
    wait_until("the batch") { seen.size.positive? }
    expect(seen.pop).to eq([[1, nil, nil], [{ "a" => { "b" => 1 } }, nil, { "a" => {} }], [false, true, false]])
  end

  it "takes what no producer should send: names and values of headers that are not UTF-8, empty and nil keys and headers" do
    seen = self.seen
    consume { messages.each { |message| seen << [message.raw_key, message.raw_payload, message.headers] } }
    bytes = "\xFF\xFE".b
    WireProducer.new(broker.bootstrap_servers).produce("orders", 0, [
                                                         { key: bytes, value: bytes, headers: [[bytes, bytes]] },
                                                         { key: "", value: "", headers: [["", nil], %w[twice 1], %w[twice 2]] },
                                                         { key: nil, value: nil }
                                                       ])
    wait_until("three messages") { seen.size == 3 }
    rows = drained
    expect(rows[0].first(2).map(&:b)).to eq([bytes, bytes])
    expect(rows[0][2].map { |name, value| [name.b, value.b] }).to eq([[bytes, bytes]])
    expect(rows[1..]).to eq([["", "", { "" => nil, "twice" => %w[1 2] }], [nil, nil, {}]])
  end

  it "stops only the partition of an undecodable message, which keeps its bytes" do
    seen = self.seen
    errors = Queue.new
    Karafka.monitor.subscribe("error.occurred") { |event| errors << event[:error] if event[:type] == "consumer.consume.error" }
    consume({ orders: 2 }) { messages.each { |message| seen << message.payload } }
    produce("orders", ["{oops"])
    produce("orders", ["7"], partition: 1)
    wait_until("the error") { errors.size >= 2 }
    error = errors.pop
    expect(error).to be_a(Karafka::Errors::DeserializationError)
    expect([error.topic, error.partition, error.offset, error.cause.class]).to eq(["orders", 0, 0, JSON::ParserError])
    wait_until("the other partition") { drained == [7] }
  end

  it "gives at most max_messages at once" do
    seen = self.seen
    consume(max_messages: 4) do
      seen << messages.size
      # Meanwhile the rest is fetched.
      sleep 0.2 if messages.first.offset.zero?
    end
    wait_until("the assignment") { Karafka::Server.state[:groups].first[:assigned].any? }
    produce("orders", Array.new(10, "1"))
    wait_until("ten messages") { drained_sizes.sum == 10 }
    expect(@sizes.max).to eq(4)
  end

  it "keeps messages readable for ever, through garbage collection and compaction" do
    kept = Queue.new
    consume { messages.each { |message| kept << message } }
    produce("orders", %w[{"id":1} {"id":2}])
    wait_until("two messages") { kept.size == 2 }
    Karafka::Embedded.stop
    GC.start
    GC.compact if GC.respond_to?(:compact)
    expect([kept.pop.payload, kept.pop.raw_payload]).to eq([{ "id" => 1 }, '{"id":2}'])
  end

  it "finds new topics of a pattern" do
    seen = self.seen
    broker.create_topic("audit.users", 1)
    consumer = consumer_class { messages.each { |message| seen << [topic.pattern?, message.topic, message.raw_payload] } }
    application { topic(/\Aaudit\./) { consumer(consumer) } }
    Karafka::Embedded.start
    produce("audit.users", %w[1])
    wait_until("the message") { seen.size == 1 }
    expect(seen.pop).to eq([true, "audit.users", "1"])
  end
end

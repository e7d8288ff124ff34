# frozen_string_literal: true

require "support/fake_lease"

RSpec.describe Karafka::Messages::Message do
  def message(payload, decoders: nil, **rest)
    described_class.over(FakeLease.new([payload], **rest), 0, decoders)
  end

  it "decodes JSON once, when it is first asked for" do
    message = message('{"id":1}')
    expect(message.deserialized?).to be(false)
    expect(message.payload).to eq("id" => 1)
    expect(message.payload).to equal(message.payload)
    expect(message.deserialized?).to be(true)
  end

  it "decodes null and false once, too" do
    lease = FakeLease.new(["null"])
    message = described_class.over(lease, 0)
    expect(lease).to receive(:json).once.and_call_original
    2.times { expect(message.payload).to be_nil }
    expect(message.deserialized?).to be(true)
  end

  it "can be frozen, and still be read" do
    frozen = message('{"id":1}').freeze
    expect([frozen.payload, frozen.deserialized?, frozen.dup.payload]).to eq([{ "id" => 1 }, false, { "id" => 1 }])
  end

  it "has a nil payload for a tombstone" do
    message = message(nil)
    expect(message.payload).to be_nil
    expect(message.tombstone?).to be(true)
  end

  it "says which message cannot be decoded and keeps its bytes readable" do
    message = message("{oops", first_offset: 42)
    expect { message.payload }.to raise_error(Karafka::Errors::DeserializationError, %r{orders/0@42: JSON::ParserError}) do |error|
      expect([error.topic, error.partition, error.offset, error.cause.class]).to eq(["orders", 0, 42, JSON::ParserError])
    end
    expect(message.raw_payload).to eq("{oops")
    expect(message.deserialized?).to be(false)
  end

  it "calls deserializers with the message and parsers with the string" do
    deserializer = ->(message) { "#{message.topic}:#{message.raw_payload}" }
    expect(message("x", decoders: Karafka::Messages::Decoders.new(payload: deserializer)).payload).to eq("orders:x")

    parser = Class.new { def self.parse(string) = string.upcase }
    decoders = Karafka::Messages::Decoders.new(payload: parser, key: ->(m) { m.raw_key.to_i }, headers: ->(m) { m.raw_headers.keys })
    message = message("x", decoders: decoders, keys: ["7"], headers: [{ "a" => "b" }])
    expect([message.payload, message.key, message.headers]).to eq(["X", 7, ["a"]])
    expect([message.raw_key, message.raw_headers]).to eq(["7", { "a" => "b" }])
  end

  it "wraps what a deserializer raises" do
    decoders = Karafka::Messages::Decoders.new(payload: ->(_) { raise KeyError, "no schema" })
    expect { message("x", decoders: decoders).payload }
      .to raise_error(Karafka::Errors::DeserializationError, /KeyError: no schema/)
  end

  it "treats the default deserializers as nothing special" do
    defaults = { payload: Karafka::Deserializers::Payload.new, key: Karafka::Deserializers::Key.new, headers: nil }
    expect(Karafka::Messages::Decoders.new(**defaults).presence).to be_nil
  end

  it "names its deserializers, those of its topic and the default ones" do
    own = ->(_message) { 1 }
    decoders = Karafka::Messages::Decoders.new(payload: own, key: Karafka::Deserializers::Key.new)
    expect(message("{}", decoders: decoders).deserializers.to_h)
      .to match(payload: own, key: an_instance_of(Karafka::Deserializers::Key), headers: an_instance_of(Karafka::Deserializers::Headers))
    expect(message("{}").deserializers.payload).to be_a(Karafka::Deserializers::Payload)
  end

  it "gives times with milliseconds, and nil where Kafka has none" do
    expect(message("1").timestamp).to eq(Time.at(1_700_000_000, 123, :millisecond))
    expect(message("1", timestamp_ms: -1).create_time).to be_nil
    expect(message("1").received_at).to eq(Time.at(1_700_000_000, 128, :millisecond))
  end

  it "answers fields of the payload by String and Symbol, as Karafka 1.x did" do
    message = message('{"user":{"id":5},"tags":["a"]}')
    expect(message[:user]).to eq("id" => 5)
    expect(message["user"]).to eq("id" => 5)
    expect(message.fetch(:user)).to eq("id" => 5)
    expect(message.fetch(:nope, 3)).to eq(3)
    expect { message.fetch(:nope) }.to raise_error(KeyError)
    expect(message.dig(:user, :id)).to eq(5)
    expect(message.dig("tags", 0)).to eq("a")
    expect(message.dig(:none, :id)).to be_nil
    expect(message.to_h.keys).to eq(%w[user tags])
  end

  describe "that is passed on" do
    let(:passed_on) { message('{"id":1,"user":{"name":"ann"}}') }

    it "becomes JSON, a Hash and keywords as its payload does, as in Karafka 1.x" do
      fields = { "id" => 1, "user" => { "name" => "ann" } }
      expect([passed_on.to_json, JSON.generate(passed_on), [passed_on].to_json, { order: passed_on }.to_json])
        .to eq([fields.to_json, fields.to_json, [fields].to_json, { order: fields }.to_json])
      expect([passed_on.to_h, passed_on.to_hash, passed_on.as_json]).to all(eq(fields))
      expect({ x: 1 }.merge(passed_on)).to eq({ x: 1 }.merge(fields))
      expect(->(**keywords) { keywords }.call(**passed_on)).to eq(fields)
    end

    it "answers to what a Hash answers to, with fields by String and Symbol" do
      expect(passed_on.merge(id: 2, more: 3)).to eq("id" => 2, "user" => { "name" => "ann" }, more: 3)
      expect([passed_on.except(:user), passed_on.keys, passed_on.each.to_a.first, passed_on.select { |name,| name == "id" }])
        .to eq([{ "id" => 1 }, %w[id user], ["id", 1], { "id" => 1 }])
      expect(passed_on.transform_keys(&:to_sym)).to eq(id: 1, user: { "name" => "ann" })
      expect(passed_on).to respond_to(:each_pair, :to_hash, :empty?)
      expect([passed_on.delete(:id), passed_on.payload]).to eq([1, { "user" => { "name" => "ann" } }])
    end

    it "is one message, not a list of fields, where one or several are taken" do
      expect([Array(passed_on), [*passed_on], [[passed_on]].flatten]).to all(eq([passed_on]))
      expect(passed_on).not_to respond_to(:to_a)
    end

    it "has no field and no JSON of what it holds itself, and says so" do
      expect { message("[1]").to_hash }.to raise_error(TypeError, %r{payload of orders/0@0 is Array})
      expect { message("[1]").merge(a: 1) }.to raise_error(TypeError)
      expect { message("1").each }.to raise_error(NoMethodError)
      expect { passed_on.paylod }.to raise_error(NoMethodError)
      expect(message(nil).to_json).to eq("null")
    end

    it "gives its whole payload by the name that ruby-kafka has for it" do
      expect([passed_on["value"], message("[1]")["value"], message('{"value":2}')["value"]]).to eq([passed_on.payload, [1], 2])
    end
  end

  it "can be built by hand from a payload and metadata" do
    metadata = Karafka::Messages::Metadata.new(topic: "orders", partition: 2, offset: 9, key: "k", timestamp: Time.at(1.5))
    message = described_class.new('{"a":1}', metadata)
    expect([message.payload, message.topic, message.partition, message.offset, message.key]).to eq([{ "a" => 1 }, "orders", 2, 9, "k"])
    expect(message.timestamp).to eq(Time.at(1.5))
    expect(message.headers).to eq({})
    expect(message.metadata.offset).to eq(9)
  end

  it "is inspected without its payload, which may be secret or large" do
    expect(message("secret").inspect).to eq("#<Karafka::Messages::Message orders/0@0>")
  end
end

# frozen_string_literal: true

require_relative "../../support/application"

RSpec.describe Karafka::BaseResponder do
  include ApplicationHelpers

  # What the producer was given, call by call.
  let(:sent) { [] }
  let(:producer) { Karafka.producer }

  before do
    setup { |config| config.producer { |settings| settings.deliver = false } }
    %w[messages.produced_sync messages.produced_async].each do |name|
      producer.monitor.subscribe(name) { |event| sent << [name[/\w+\z/].to_sym, event[:messages]] }
    end
  end

  # A responder with these topics, whose `respond` is the block.
  def responder(topics = { orders: {} }, name: "OrdersResponder", base: described_class, &respond)
    klass = stub_const(name, Class.new(base))
    topics.each { |topic, options| klass.topic(topic, **options) }
    klass.define_method(:respond, &respond) if respond
    klass
  end

  it "sends what respond hands over, in its order, in one call" do
    klass = responder({ orders: { multiple_usage: true }, mails: {} }) do |order, mail|
      respond_to :orders, order, key: "k", headers: { "a" => "1" }
      respond_to "mails", mail
      respond_to :orders, order, partition: 2, create_time: 5
    end
    handles = klass.call({ id: 1 }, "raw")
    expect(sent).to eq([[:produced_sync, [
                         { topic: "orders", payload: '{"id":1}', key: "k", headers: { "a" => "1" } },
                         { topic: "mails", payload: "raw" },
                         { topic: "orders", payload: '{"id":1}', partition: 2, timestamp: 5 }
                       ]]])
    expect(handles.map(&:topic)).to eq(%w[orders mails orders])
  end

  describe "with a message of a batch" do
    def message(payload)
      Karafka::Messages::Message.new(payload, Karafka::Messages::Metadata.new(topic: "orders", partition: 0, offset: 1))
    end

    it "passes on its payload, to every serializer" do
      klass = responder({ orders: { multiple_usage: true }, own: { serializer: ->(data) { data.class.name } } }) do |params|
        respond_to :orders, params
        respond_to :orders, { order: params, all: [params] }
        respond_to :own, params
      end
      klass.call(message('{"id":1}'))
      expect(sent.last.last.map { |it| it[:payload] }).to eq(['{"id":1}', '{"order":{"id":1},"all":[{"id":1}]}', "Hash"])
    end

    it "passes on a whole batch, and a deletion as one" do
      klass = responder({ orders: {}, gone: {} }) do |batch, tombstone|
        respond_to :orders, batch
        respond_to :gone, tombstone, key: "1"
      end
      klass.call(Karafka::Messages::Messages.new([message('{"id":1}'), message("2")]), message(nil))
      expect(sent.last.last.map { |it| it[:payload] }).to eq(['[{"id":1},2]', nil])
    end
  end

  it "takes a parser of 1.2 with generate as the serializer, and one of the application" do
    parser = Class.new { def self.generate(data) = "generated #{data}" }
    responder({ orders: { serializer: parser } }) { respond_to :orders, 1 }.call
    Karafka::App.config.serializer = parser
    responder { respond_to :orders, 2 }.call
    expect(sent.map { |_, messages| messages.first[:payload] }).to eq(["generated 1", "generated 2"])
  end

  it "may call itself within a call" do
    responder({ orders: { multiple_usage: true } }) do |depth = 0|
      respond_to :orders, depth
      call(depth + 1) if depth < 2
      respond_to :orders, -depth
    end.call
    expect(sent.map { |_, messages| messages.map { |message| message[:payload] } }).to eq([%w[2 -2], %w[1 -1], %w[0 0]])
  end

  it "takes data and options as they were given before Ruby 3" do
    klass = responder({ orders: { multiple_usage: true } }) do
      respond_to :orders, id: 1, key: "of the data"
      respond_to :orders, { id: 2 }, { key: "k", "partition" => 2 }
      respond_to :orders, nil, key: "k"
    end
    klass.call
    expect(sent.last.last).to eq([{ topic: "orders", payload: '{"id":1,"key":"of the data"}' },
                                  { topic: "orders", payload: '{"id":2}', key: "k", partition: 2 },
                                  { topic: "orders", payload: "null", key: "k" }])
    [{}, { key: "k" }, { key: "k", headers: {} }].each do |options|
      expect { responder { respond_to :orders, **options }.call }.to raise_error(ArgumentError, /respond_to :orders needs data before/)
    end
    expect { responder { respond_to :orders, 1, { kee: 1 } }.call }
      .to raise_error(Karafka::Errors::InvalidResponderMessageOptionsError, /`kee`/)
  end

  it "does not wait for topics that are async, and makes one call where only some are" do
    responder({ orders: { async: true } }) { respond_to :orders, 1 }.call
    expect(sent.map(&:first)).to eq([:produced_async])
    sent.clear
    responder({ orders: { async: true }, mails: {} }) do
      respond_to :orders, 1
      respond_to :mails, 2
    end.call
    expect(sent.map { |how, messages| [how, messages.size] }).to eq([[:produced_async, 2]])
  end

  it "waits for each message of a topic that is not async beside one that is" do
    handles = Array.new(3) { |index| instance_double(WaterDrop::DeliveryHandle, topic: index.to_s, wait: nil) }
    allow(producer).to receive(:produce_many_async).and_return(handles)
    responder({ a: { multiple_usage: true }, b: { async: true } }) do
      respond_to :a, 1
      respond_to :b, 2
      respond_to :a, 3
    end.call
    expect([handles[0], handles[2]]).to all(have_received(:wait))
    expect(handles[1]).not_to have_received(:wait)
  end

  it "is one transaction where the producer is transactional" do
    allow(producer).to receive_messages(transactional?: true)
    order = []
    producer.define_singleton_method(:transaction) { |&block| (order << :begin) && block.call.tap { order << :commit } }
    expect(responder { respond_to :orders, 1 }.call.size).to eq(1)
    expect([order, sent.size]).to eq([%i[begin commit], 1])
  end

  it "passes keywords on" do
    klass = responder({ orders: {} }) { |order, draft: false| respond_to :orders, [order, draft] }
    klass.call(7, draft: true)
    expect(sent.dig(0, 1, 0, :payload)).to eq("[7,true]")
  end

  it "sends nothing where nothing is responded, and knows nothing of the call before" do
    klass = responder({ orders: { required: false } }) { |value| respond_to :orders, value if value }
    instance = klass.new
    expect(instance.call(nil)).to eq([])
    2.times { instance.call("a") }
    expect(sent.map { |_, messages| messages.size }).to eq([1, 1])
  end

  it "sends what the data was when it was handed over" do
    klass = responder do |order|
      respond_to :orders, order
      order[:id] = 2
    end
    klass.call({ id: 1 })
    expect(sent.dig(0, 1, 0, :payload)).to eq('{"id":1}')
  end

  it "has the topics of the classes above, which it can declare anew" do
    base = responder({ orders: {}, mails: { required: false } }, name: "ApplicationResponder")
    klass = responder({ orders: { async: true } }, base: base) { respond_to :orders, 1 }
    base.topic :late, required: false
    expect(klass.topics.transform_values { |topic| topic.to_h.except(:name, :multiple_usage, :serializer) }).to eq(
      "orders" => { required: true, async: true }, "mails" => { required: false, async: false }, "late" => { required: false, async: false }
    )
    expect(base.topics["orders"]).not_to be_async
    klass.call
    expect(sent.map(&:first)).to eq([:produced_async])
  end

  it "uses the names of the topic mapper" do
    app.config.topic_mapper = Struct.new(:prefix) do
      def incoming(topic) = topic.delete_prefix(prefix)
      def outgoing(topic) = prefix + topic
    end.new("test.")
    responder { respond_to :orders, 1 }.call
    expect(sent.dig(0, 1, 0, :topic)).to eq("test.orders")
  end

  describe "a rule that was broken, with nothing sent:" do
    after { expect(sent).to eq([]) }

    def expect_refusal(klass, error, *texts)
      expect { klass.call }.to raise_error(error) { |raised| expect(raised.message).to include(klass.name, *texts) }
    end

    it "a topic that is not declared" do
      expect_refusal(responder({ orders: {} }) { respond_to :ordres, 1 }, Karafka::Errors::UnregisteredTopicError,
                     "the topic ordres", "Did you mean `orders`?")
    end

    it "a topic that was used twice" do
      klass = responder({ "orders.new": {} }) { 2.times { respond_to "orders.new", 1 } }
      expect_refusal(klass, Karafka::Errors::TopicMultipleUsageError, "the topic orders.new more than once",
                     'topic :"orders.new", multiple_usage: true')
    end

    it "a required topic that was not used" do
      klass = responder({ orders: {}, mails: {}, logs: { required: false } }) { respond_to :orders, 1 }
      expect_refusal(klass, Karafka::Errors::UnusedResponderRequiredTopicError, "the topic mails", "required: false")
      expect(Karafka::Errors::UnusedResponderRequiredTopicError).to be < Karafka::Errors::InvalidResponderUsageError
    end

    it "an option that there is not" do
      expect_refusal(responder { respond_to :orders, 1, partition_keys: 1 }, Karafka::Errors::InvalidResponderMessageOptionsError,
                     "the topic orders", "unknown option `partition_keys`", "Did you mean `partition_key`?")
    end

    it "an option with a value that cannot be sent" do
      klass = responder({ orders: {}, mails: {} }) do
        respond_to :orders, 1
        respond_to :mails, 1, key: 5
      end
      expect_refusal(klass, Karafka::Errors::InvalidResponderMessageOptionsError, "the topic mails", "message[:key]", "Integer")
    end

    it "a payload that is too large" do
      expect_refusal(responder { respond_to :orders, "x" * 2_000_000 }, Karafka::Errors::InvalidResponderMessageOptionsError,
                     "the topic orders", "payload")
    end

    it "data that cannot be serialized" do
      expect_refusal(responder { respond_to :orders, Float::NAN }, Karafka::Errors::SerializationError, "the topic orders", "NaN")
    end

    it "no respond, and respond_to without it" do
      expect { responder.call }.to raise_error(NotImplementedError, /OrdersResponder needs a method respond/)
      expect { responder.new.send(:respond_to, :orders, 1) }
        .to raise_error(Karafka::Errors::InvalidResponderUsageError, /call OrdersResponder.call/)
    end

    it "an error of respond itself, after which the instance works again" do
      klass = responder do |fail|
        respond_to :orders, 1 unless fail
        raise "oh" if fail
      end
      instance = klass.new
      expect { instance.call(true) }.to raise_error("oh")
      expect(instance.call(false).size).to eq(1)
      sent.clear
    end
  end

  describe "a declaration" do
    it "refuses options that there are not, and values that they cannot have" do
      expect { responder({ orders: { requierd: true } }) }
        .to be_refused(/Unknown option `OrdersResponder topic orders requierd`. Did.*required/)
      %i[required multiple_usage async].each do |option|
        expect { responder({ orders: { option => nil } }) }.to be_refused(/OrdersResponder topic orders #{option} is nil.*true or false/)
      end
      expect { responder({ orders: { serializer: 1 } }) }.to be_refused(/serializer is 1.*call\(data\)/)
      expect { responder({ "a b": {} }) }.to be_refused(/OrdersResponder topic is :"a b"/)
    end
  end

  describe "a serializer" do
    it "is that of the topic, else that of the application, else JSON" do
      klass = responder({ a: { serializer: ->(data) { "own #{data}" } }, b: {} }) do
        respond_to :a, 1
        respond_to :b, nil
      end
      klass.call
      app.config.serializer = ->(data) { "all #{data.inspect}" }
      klass.call
      expect(sent.map { |_, messages| messages.map { |message| message[:payload] } }).to eq([["own 1", "null"], ["own 1", "all nil"]])
    end

    it "makes a tombstone with nil, and has to give a String else" do
      responder({ a: { serializer: ->(_) {} } }) { respond_to :a, 1, key: "k" }.call
      expect(sent.dig(0, 1, 0, :payload)).to be_nil
      expect { responder({ a: { serializer: ->(_) { 5 } } }) { respond_to :a, 1 }.call }
        .to raise_error(Karafka::Errors::SerializationError, /topic a: Proc gave Integer, but must give a String/)
    end

    it "of JSON lets Strings through, and needs a to_json" do
      json = Karafka::Serializers::Json::Serializer.new
      expect([json.call("a"), json.call([1, nil])]).to eq(["a", "[1,null]"])
      expect { json.call(Object.new.tap { |object| object.singleton_class.undef_method(:to_json) }) }
        .to raise_error(Karafka::Errors::SerializationError, /Object has no to_json/)
    end
  end
end

# frozen_string_literal: true

require "spec_helper"
require "support/mock_cluster"

RSpec.describe "responders" do
  include MockCluster

  before { %w[orders receipts mails].each { |name| broker.create_topic(name, 1) } }

  after do
    Karafka::Embedded.stop
    Karafka.producer.close
    close_cluster
  end

  # @return [Array<String>] payloads of what is in the topic, once there are that many
  def received(topic, count)
    seen = Queue.new
    reader = Class.new(Karafka::BaseConsumer) { define_method(:consume) { messages.each { |message| seen << message.raw_payload } } }
    engine_of(topic, reader) { wait_until("#{count} messages of #{topic}") { seen.size >= count } }
    drain(seen)
  end

  def engine_of(topic, reader)
    application { consumer_group("reader-#{topic}") { topic(topic) { consumer reader } } }
    Karafka::Embedded.start
    yield
  ensure
    Karafka::Embedded.stop
  end

  def responder(name = "OrdersResponder", **options)
    stub_const(name, Class.new(Karafka::BaseResponder)).tap do |klass|
      klass.topic(:receipts, **options)
      klass.topic(:mails, required: false, multiple_usage: true, async: true)
      klass.define_method(:respond) do |order|
        respond_to :receipts, { order: order["id"] }, key: order["id"].to_s
        order.fetch("mails", 0).times { |number| respond_to :mails, number }
      end
    end
  end

  it "send what they are called with, outside of a consumer" do
    application { topic(:orders) { active false } }
    handles = responder.call({ "id" => 1, "mails" => 2 })
    expect(handles.map { |handle| [handle.topic, handle.wait.offset] }).to eq([["receipts", 0], ["mails", 0], ["mails", 1]])
    expect([received("receipts", 1), received("mails", 2)]).to eq([['{"order":1}'], %w[0 1]])
  end

  it "answer what a consumer gets" do
    responder
    consumer = stub_const("OrdersConsumer", consumer_class { messages.each { |message| respond_with(message.payload) } })
    produce("orders", Array.new(5) { |id| %({"id":#{id},"mails":1}) })
    application { topic(:orders) { consumer consumer } }
    Karafka::Embedded.start
    wait_until("the commit") { committed("app", "orders") == 5 }
    Karafka::Embedded.stop
    expect([received("receipts", 5), received("mails", 5)]).to eq([Array.new(5) { |id| %({"order":#{id}}) }, %w[0] * 5])
  end

  it "have the batch delivered again where they fail: by a rule, or because Kafka did not take a message" do
    klass = responder
    failures = Queue.new
    Karafka.monitor.subscribe("error.occurred") { |event| failures << event[:error] if event[:type] == "consumer.consume.error" }
    attempts = Queue.new
    consumer = stub_const("OrdersConsumer", Class.new(Karafka::BaseConsumer) do
      define_method(:consume) do
        attempts << attempt
        klass.topic(attempt == 1 ? :never : :receipts)
        # A partition that there is not.
        options = attempt == 2 ? { partition: 99 } : {}
        klass.define_method(:respond) { |order| respond_to(:receipts, order, **options) }
        klass.topic(:never, required: false) if attempt > 1
        respond_with(messages.first.payload)
      end
    end)
    produce("orders", ['{"id":1}'])
    application { topic(:orders) { consumer consumer } }
    Karafka::Embedded.start
    wait_until("the commit") { committed("app", "orders") == 1 }
    expect(drain(attempts)).to eq([1, 2, 3])
    errors = drain(failures)
    expect(errors.first).to be_a(Karafka::Errors::UnusedResponderRequiredTopicError)
    expect(errors[1]).to be_a(WaterDrop::Errors::ProduceError)
    Karafka::Embedded.stop
    expect(received("receipts", 1)).to eq(['{"id":1}'])
  end

  it "tell error.occurred of the producer where nobody waits for a message that fails" do
    application { topic(:orders) { active false } }
    failures = Queue.new
    Karafka.producer.monitor.subscribe("error.occurred") { |event| failures << event.payload.values_at(:type, :topic) }
    klass = stub_const("MailsResponder", Class.new(Karafka::BaseResponder))
    klass.topic(:mails, async: true)
    klass.define_method(:respond) { respond_to :mails, 1, partition: 99 }
    handle = klass.call.first
    wait_until("the event") { failures.size.positive? }
    expect(failures.pop).to eq(["librdkafka.dispatch_error", "mails"])
    expect(handle.report.error.code).to eq(:unknown_partition)
  end
end

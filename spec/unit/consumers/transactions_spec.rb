# frozen_string_literal: true

require "spec_helper"
require "support/fake_lease"
require "waterdrop"

RSpec.describe Karafka::Consumers::Transactions do
  let(:producer) do
    WaterDrop::Producer.new do |config|
      config.deliver = false
      config.client_class = WaterDrop::Clients::Buffered
      config.kafka = { "transactional.id": "spec" }
    end
  end

  let(:lease) do
    lease = FakeLease.new(%w[a b c], topic: "in")
    done = []
    lease.define_singleton_method(:committed) { done }
    lease.define_singleton_method(:transaction_committed) { |offset| done << offset }
    lease.define_singleton_method(:seeking?) { false }
    lease
  end

  def assignment(exactly_once: false, parallel: nil, &body)
    consumer = Class.new(Karafka::BaseConsumer) { define_method(:consume, &body) }
    made = producer
    Karafka::App.setup do |config|
      config.kafka = { "bootstrap.servers": "127.0.0.1:1" }
      config.producer = made
    end
    Karafka::App.routes.draw do
      topic(:in) do
        consumer(consumer) && exactly_once(exactly_once)
        parallel(by: parallel) if parallel
      end
    end
    Karafka::Assignment.new(Karafka::App.routes.topics.first, lease)
  end

  def sent = producer.client.messages.map { |message| message[:payload] }

  it "commits messages and marks together, and marks nothing before" do
    before = nil
    assignment do
      transaction do
        produce_async(topic: "out", payload: "x")
        mark_as_consumed(messages[1])
        before = @karafka_lease.committed.dup
      end
    end.consume(lease)
    expect([before, lease.committed, sent]).to eq([[], [2], ["x"]])
  end

  it "refuses to mark what is no message, or by what is no consumer" do
    errors = []
    refusing = lambda do |&call|
      call.call
    rescue StandardError => e
      errors << [e.class, e.message]
    end
    assignment do
      refusing.call { mark_as_consumed(5) }
      transaction do
        refusing.call { mark_as_consumed(nil) }
        refusing.call { mark_as_consumed(messages.first, 5) }
        refusing.call { producer.transaction_mark_as_consumed(nil, messages.first) }
      end
    end.consume(lease)
    expect(errors).to match([[ArgumentError, /5 is not a message/], [ArgumentError, /nil is not a message/], [ArgumentError, /metadata is/],
                             [WaterDrop::Errors::TransactionalOffsetInvalidError, /a consumer and a message of it, not nil/]])
    expect(lease.committed).to eq([])
  end

  it "refuses to mark where other messages of the partition are processed at the same time" do
    parallel = assignment(parallel: :key) { transaction { mark_as_consumed(messages.first) } }
    expect { parallel.consume(lease) }.to raise_error(Karafka::Errors::UnsupportedFeatureError, /parallel/)
    expect(lease.committed).to eq([])
  end

  it "takes both back where it is aborted" do
    assignment do
      transaction do
        produce_async(topic: "out", payload: "x")
        mark_as_consumed(messages.last)
        raise WaterDrop::AbortTransaction
      end
    end.consume(lease)
    expect([lease.committed, sent]).to eq([[], []])
  end

  it "does a whole batch in one with exactly_once, and gives it back where consume raises or aborts" do
    assignment(exactly_once: true) { messages.each { |message| produce_async(topic: "out", payload: message.raw_payload) } }.consume(lease)
    expect([lease.committed, sent]).to eq([[3], %w[a b c]])
    [RuntimeError, WaterDrop::AbortTransaction].each do |error|
      Karafka::App.reset!
      failing = assignment(exactly_once: true) { produce_async(topic: "out", payload: "no") && raise(error) }
      expect { failing.consume(lease) }.to raise_error(error)
    end
    expect([lease.committed, sent]).to eq([[3], %w[a b c]])
  end

  it "refuses the commit where the partition is lost, and says so" do
    marked = nil
    lost = assignment do
      transaction do
        produce_async(topic: "out", payload: "x")
        @karafka_lease.instance_variable_set(:@revoked, true)
        def @karafka_lease.revoked? = true
        marked = mark_as_consumed(messages.last)
      end
    end
    expect { lost.consume(lease) }.to raise_error(Karafka::Errors::AssignmentLostError, %r{in/0})
    expect([marked, lease.committed, sent]).to eq([false, [], []])
  end

  it "looks up what became of a commit without an answer" do
    [[3, nil], [nil, WaterDrop::Errors::TransactionError]].each do |committed, raised|
      Karafka::App.reset!
      lease.define_singleton_method(:committed_offset) { |_timeout| committed }
      lease.committed.clear
      client = producer.client
      client.define_singleton_method(:transact) do |step, *rest|
        super(step, *rest)
        raise WaterDrop::Errors::TransactionError.new("no answer", kind: :stuck, step: :commit) if step == :commit
      end
      made = assignment(exactly_once: true) { nil }
      raised ? expect { made.consume(lease) }.to(raise_error(raised)) : made.consume(lease)
      expect(lease.committed).to eq([committed].compact)
      client.singleton_class.send(:remove_method, :transact)
    end
  end

  it "uses one producer of a pool for the whole of it" do
    made = []
    pool = WaterDrop::ConnectionPool.new(size: 3) do |config, index|
      config.deliver = false
      config.client_class = WaterDrop::Clients::Buffered
      config.kafka = { "transactional.id": "spec-#{index}" }
      made << index
    end
    seen = nil
    assignment do
      transaction(pool) do
        produce_async(topic: "out", payload: "x")
        pool.produce_async(topic: "out", payload: "y")
        mark_as_consumed(messages.last)
        seen = producer
      end
    end.consume(lease)
    expect([lease.committed, seen.client.messages.map { |message| message[:payload] }, made]).to eq([[3], %w[x y], [1]])
  end

  it "uses the producer that the consumer has set, in wrap for instance, and not for exactly_once" do
    own = WaterDrop::Producer.new do |config|
      config.client_class = WaterDrop::Clients::Buffered
      config.kafka = { "transactional.id": "own" }
    end
    plain = WaterDrop::Producer.new { |config| config.client_class = WaterDrop::Clients::Buffered }
    seen = []
    body = proc do
      self.producer = plain
      produce_sync(topic: "out", payload: "plain")
      self.producer = own
      transaction { produce_sync(topic: "out", payload: "in") }
      produce_sync(topic: "out", payload: "own")
      self.producer = nil
      transaction { seen << producer }
      self.producer = Karafka.producer
      transaction { seen << producer }
      self.producer = own
    end
    assignment(&body).consume(lease)
    expect([plain, own, producer].map { |it| it.client.messages.map { |message| message[:payload] } }).to eq([%w[plain], %w[in own], []])
    expect(seen).to eq([producer, producer])
    Karafka::App.routes.clear
    assignment(exactly_once: true) { self.producer = own && produce_sync(topic: "out", payload: "x") && own }.consume(lease)
    expect(sent).to eq(%w[x])
  end

  it "tells of each transaction that did not raise, also where it was aborted in silence" do
    seen = []
    work = assignment do
      transaction { seen << :committed }
      transaction { (seen << :aborted) && raise(WaterDrop::AbortTransaction) }
      transaction { transaction { seen << :joined } }
      transaction { raise "x" } rescue seen << :raised # rubocop:disable Style/RescueModifier
    end
    Karafka.monitor.subscribe("consumer.consuming.transaction") { |event| seen << event[:caller].class.superclass }
    work.consume(lease)
    base = Karafka::BaseConsumer
    expect(seen).to eq([:committed, base, :aborted, base, :joined, base, :raised])
  end

  it "takes what stands for a producer in a test" do
    stub = double("a producer", produce_async: :sent)
    sent = nil
    assignment do
      self.producer = stub
      sent = produce_async(topic: "t", payload: nil)
    end.consume(lease)
    expect(sent).to eq(:sent)
  end

  it "needs a transactional producer" do
    made = assignment { transaction(WaterDrop::Producer.new { |config| config.deliver = false }) { nil } }
    expect { made.consume(lease) }.to raise_error(WaterDrop::Errors::ProducerNotTransactionalError)
  end

  it "is checked in the routes" do
    draw = lambda do |&settings|
      Karafka::App.reset!
      consumer = Class.new(Karafka::BaseConsumer) { def consume; end }
      Karafka::App.setup { |config| config.kafka = { "bootstrap.servers": "127.0.0.1:1" } }
      Karafka::App.routes.draw { topic(:in) { consumer(consumer) && exactly_once(true) && instance_eval(&settings) } }
    end
    expect { draw.call { kafka("isolation.level": "read_uncommitted", inherit: true) } }
      .to raise_error(Karafka::Errors::InvalidConfigurationError, /read_uncommitted|uncommitted messages/)
    expect { draw.call { exactly_once "yes" } }.to raise_error(Karafka::Errors::InvalidConfigurationError, /exactly_once/)
    expect { draw.call { manual_offset_management true } }.not_to raise_error
  end
end

# frozen_string_literal: true

require "support/fake_lease"
require "support/routes"

RSpec.describe Karafka::Instrumentation::Outlet do
  include OneTopic

  names = %w[connection.listener.fetch_loop.received worker.process worker.processed worker.completed consumer.initialize
             consumer.initialized consumer.before_schedule_consume consumer.consume consumer.consumed]
  let(:seen) { {} }
  define_method(:names) { names }

  def worker(&)
    Karafka::Worker.new(0, nil, Karafka::Coordinator.new(route(consumer(&))), on_fatal: ->(error) { raise error })
  end

  def process(worker = nil, &)
    (worker || worker(&)).send(:process, FakeLease.new(%w[1 2]))
  end

  def subscribe
    names.each { |name| Karafka.monitor.subscribe(name) { |event| seen[event.id] = yield event } }
  end

  names.each do |name|
    it "gives #{name} all of its keys, in the Hash and one by one" do
      subscribe { |event| [event.payload, event.payload.keys.to_h { |key| [key, event[key]] }, event.fetch(:caller), event[:unknown]] }
      process
      payload, by_key, caller, unknown = seen.fetch(name)
      expect(payload.keys).to match_array(Karafka::Instrumentation::Events::EMITTED.fetch(name))
      expect([by_key, caller, unknown]).to eq([payload, payload[:caller], nil])
    end
  end

  it "gives the same to a monitor that overrides instrument, as Hashes" do
    hashes = seen
    Karafka::App.config.monitor = Class.new(Karafka::Instrumentation::Monitor) do
      define_method(:instrument) do |name, payload = {}, &block|
        hashes[name] = payload
        super(name, payload, &block)
      end
    end.new
    process
    expect(names.to_h { |name| [name, seen.fetch(name).class] }.values.uniq).to eq([Hash])
    expect(seen["worker.processed"].keys).to eq(%i[caller job time])
  end

  it "gives the same to one that was put in front of the monitor before the first batch" do
    calls = []
    tracer = Module.new do
      define_method(:instrument) do |name, payload = {}, &block|
        calls << name
        super(name, payload, &block)
      end
    end
    # Made when the server starts, before it says that it runs.
    made = worker
    Karafka.monitor.singleton_class.prepend(tracer)
    subscribe(&:id)
    process(made)
    expect(calls).to include(*names)
    expect(seen.keys).to match_array(names)
  end

  it "gives the same to one that stands in front of a monitor, as SimpleDelegator" do
    calls = []
    Karafka::App.config.monitor = Class.new(SimpleDelegator) do
      define_method(:instrument) do |name, payload = {}, &block|
        calls << name
        super(name, payload, &block)
      end
    end.new(Karafka.monitor)
    subscribe(&:id)
    process
    expect(calls).to include(*names)
    expect(seen.keys).to match_array(names)
  end

  it "lets what consume raises through, and reports a subscriber that raises" do
    Karafka::App.config.logger = Logger.new(log = StringIO.new)
    errors = []
    Karafka.monitor.subscribe("error.occurred") { |event| errors << event[:error].message }
    subscribe { |event| raise "deaf to #{event.id}" }
    process { define_method(:consume) { raise "bad" } }
    expect(errors).to eq(["bad"])
    expect(log.string).to match(/a subscriber of "worker.process" raised RuntimeError: deaf to worker.process/)
    expect(log.string).not_to match(/consumer.consumed/)
  end
end

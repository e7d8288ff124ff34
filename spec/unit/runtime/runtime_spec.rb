# frozen_string_literal: true

require "support/fake_lease"
require "support/fake_engine"
require "support/routes"
require "support/wait"

RSpec.describe Karafka::Runtime do
  include OneTopic
  include Wait

  let(:engine) { FakeEngine.new }
  let(:runtime) { described_class.new(mode: :embedded) }
  let(:events) { Queue.new }
  let(:log) { StringIO.new }

  before do
    Karafka::App.config.logger = Logger.new(log)
    allow(Karafka::Engine).to receive(:new).and_return(engine)
    %w[running quieting quiet stopping stopped terminated].each { |name| Karafka.monitor.subscribe("app.#{name}") { events << name } }
  end

  def start(&body)
    body ||= proc {}
    route(Class.new(Karafka::BaseConsumer) { define_method(:consume, &body) })
    runtime.start
    @thread = Thread.new { runtime.serve }
  end

  def seen
    drain(events)
  end

  it "runs until it is stopped, and ends clean" do
    start
    runtime.stop
    runtime.stop
    expect(@thread.value).to eq(0)
    expect(seen).to eq(%w[running stopping stopped terminated])
    expect(runtime.workers).to all(be_finished)
  end

  it "processes what is running before it ends" do
    done = Queue.new
    go = Queue.new
    start { done << go.pop }
    engine.give(lease = FakeLease.new(%w[1]))
    wait_until { runtime.workers.any?(&:current) }
    runtime.stop
    wait_until { runtime.status.stopping? }
    go << :now
    expect([@thread.value, done.pop, lease.settled]).to eq([0, :now, [:ack]])
  end

  it "stops in order where something is raised in its thread, and raises it then" do
    start
    engine.give(lease = FakeLease.new(%w[1]))
    wait_until { lease.settled == [:ack] }
    @thread.report_on_exception = false
    @thread.raise(NotImplementedError, "no more")
    expect { @thread.value }.to raise_error(NotImplementedError, "no more")
    expect(seen).to eq(%w[running stopping stopped terminated])
    expect(runtime.workers).to all(be_finished)
    expect(log.string).to include("Stopping, because NotImplementedError was raised in the server's thread: no more")
  end

  it "gets quiet and can be stopped then" do
    start
    runtime.quiet
    wait_until { runtime.status.quiet? }
    runtime.stop
    expect(@thread.value).to eq(0)
    expect(seen).to eq(%w[running quieting quiet stopping stopped terminated])
    expect(engine.calls).to include(:quiet)
  end

  it "stops with the status of an exit in a consumer, without acknowledging its batch" do
    start { exit(7) }
    engine.give(lease = FakeLease.new(%w[1]))
    expect(@thread.value).to eq(7)
    expect(lease.settled).to eq([:nack])
  end

  it "stops with status 1 when the engine fails" do
    start
    engine.give(Karafka::Errors::InternalError.new("engine broke"))
    expect(@thread.value).to eq(1)
    expect(runtime.failure.message).to eq("engine broke")
  end

  it "forces the stop after shutdown_timeout and says what blocks it" do
    Karafka::App.config.shutdown_timeout = 1_000
    start { sleep }
    engine.give(lease = FakeLease.new(%w[1]))
    wait_until { runtime.workers.any?(&:current) }
    runtime.stop
    expect(@thread.value).to eq(2)
    expect(log.string).to match(%r{shutdown_timeout \(1000 ms\) has passed.*worker \d runs consume of orders/0}m)
    wait_until { lease.settled == [:nack] }
  end

  it "goes on when it is asked for its threads and the logger raises" do
    start
    allow(Karafka.logger).to receive(:unknown).and_raise("disk full")
    expect do
      runtime.control.push(:TTIN)
      runtime.stop
      expect(@thread.value).to eq(0)
    end.to output(/karafka: cannot report the threads: RuntimeError: disk full/).to_stderr
  end

  it "has more and fewer workers while it runs" do
    start
    runtime.workers.scale(8)
    wait_until { engine.waiting == 8 }
    expect(runtime.workers.size).to eq(8)
    runtime.workers.scale(2)
    wait_until { runtime.workers.size == 2 }
    expect(log.string).to match(/Scaled from 5 to 8 workers.*Scaled from 8 to 2 workers/m)
    [1_001, 2.5, nil].each do |count|
      expect { runtime.workers.scale(count) }.to raise_error(Karafka::Errors::InvalidConfigurationError, /1 to 1000/)
    end
    expect { Karafka::Workers.new.scale(3) }.to raise_error(Karafka::Errors::EngineError, /not running/)
    runtime.stop
    expect(@thread.value).to eq(0)
    expect(runtime.workers).to all(be_finished)
  end

  it "says that it scales, and takes 0 for 1" do
    changes = []
    %w[up down].each do |way|
      Karafka.monitor.subscribe("worker.scaling.#{way}") { |event| changes << [way, *event.payload.values_at(:from, :to)] }
    end
    start
    [8, 8, 0, -1].each { |count| runtime.workers.scale(count) }
    expect(changes).to eq([["up", 5, 8], ["down", 8, 1]])
    runtime.stop
    expect(@thread.value).to eq(0)
  end

  it "lets a consumer scale while the process stops, which does nothing" do
    go = Queue.new
    runtime = self.runtime
    start { go.pop && runtime.workers.scale(3) }
    engine.give(lease = FakeLease.new(%w[1]))
    wait_until { runtime.workers.any?(&:current) }
    runtime.stop
    wait_until { runtime.status.stopping? }
    go << :now
    expect([@thread.value, lease.settled, runtime.workers.to_a.size]).to eq([0, [:ack], 5])
  end

  it "begins nothing when it was told to stop before the start" do
    runtime.stop
    start
    expect([@thread.value, seen, engine.calls]).to eq([0, %w[stopping stopped terminated], %i[stop join]])
  end

  it "is quiet from the beginning when it was told so before the start" do
    runtime.quiet
    start
    wait_until { runtime.status.quiet? }
    expect(engine.calls.first(2)).to eq(%i[start quiet])
    runtime.stop
    expect(@thread.value).to eq(0)
  end

  it "lets a worker that is not needed any more finish its batch, and can scale from a consumer" do
    done = Queue.new
    go = Queue.new
    start do
      Karafka::App.config.logger.info("in")
      done << go.pop
    end
    runtime.workers.scale(1)
    wait_until { runtime.workers.size == 1 }
    engine.give(lease = FakeLease.new(%w[1]))
    wait_until { runtime.workers.any?(&:current) }
    runtime.workers.scale(2)
    runtime.workers.scale(1)
    go << :now
    expect([done.pop, wait_until { lease.settled.first }]).to eq(%i[now ack])
    runtime.stop
    expect(@thread.value).to eq(0)
  end

  it "refuses a monitor that cannot be asked who listens" do
    route(Class.new(Karafka::BaseConsumer) { def consume = nil })
    Karafka::App.config.monitor = double("a monitor of another kind", instrument: nil, subscribe: nil)
    expect { runtime.start }.to raise_error(Karafka::Errors::InvalidConfigurationError, /inherit from Karafka::Instrumentation::Monitor/)
  end

  it "tells listeners about each subscription group" do
    groups = []
    Karafka.monitor.subscribe("connection.listener.before_fetch_loop") { |event| groups << event[:subscription_group].id }
    start
    runtime.stop
    @thread.value
    expect(groups).to eq(["app_0"])
  end
end

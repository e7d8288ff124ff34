# frozen_string_literal: true

require "support/fake_lease"
require "support/fake_engine"
require "support/routes"
require "support/wait"

RSpec.describe Karafka::OnRails::Worker do
  include OneTopic
  include Wait

  let(:engine) { FakeEngine.new }
  let(:fatal) { Queue.new }
  let(:errors) { Queue.new }
  let(:seen) { Queue.new }

  before { Karafka.monitor.subscribe("error.occurred") { |event| errors << [event[:type], event[:error].message] } }

  after do
    engine.stop
    @worker&.join(60)
  end

  # Hands the lease to a worker whose work is wrapped so.
  def process(lease, settled: 1, &wrap)
    seen = self.seen
    klass = Class.new(Karafka::BaseConsumer) { define_method(:consume) { seen << messages.size } }
    execution = Object.new
    execution.define_singleton_method(:wrap, &wrap)
    routes = route(klass)
    @coordinator = Karafka::Coordinator.new(routes)
    @worker = described_class.new(0, engine, @coordinator, on_fatal: fatal.method(:<<), execution: execution, persistent: lambda { |_|
                                                                                                                            false
                                                                                                                          }).start
    engine.give(lease)
    wait_until("the end of it") { lease.settled.size >= settled && engine.waiting == 1 }
    lease
  end

  it "does all of it within one piece of work of Rails, and asks for new code before a batch" do
    asked = Queue.new
    lease = process(FakeLease.new(%w[1 2])) { |fresh:, &block| (asked << fresh) && block.call }
    expect([lease.settled, seen.pop, asked.pop]).to eq([[:ack], 2, true])
  end

  it "delivers again what Rails would not begin, and goes on" do
    lease = process(FakeLease.new(%w[1])) { |**| raise "no database" }
    expect([lease.settled, seen.size]).to eq([[[:untried, 1]], 0])
    expect(errors.pop).to eq(["worker.process.error", "no database"])
    expect(@worker.thread).to be_alive
  end

  it "settles what was done once, though Rails fails behind it" do
    lease = process(FakeLease.new(%w[1])) { |**, &block| block.call.then { raise "no end" } }
    expect([lease.settled, seen.size, errors.pop]).to eq([[:ack], 1, ["worker.process.error", "no end"]])
  end

  it "forgets an assignment whose end Rails would not begin" do
    process(FakeLease.new([], kind: :revoked)) { |**| raise "no database" }
    expect(@coordinator.size).to eq(0)
  end

  it "ends the process where Rails asks for it" do
    process(FakeLease.new(%w[1])) { |**| exit(3) }
    expect(fatal.pop.status).to eq(3)
  end
end

# frozen_string_literal: true

require "support/fake_lease"
require "support/fake_engine"
require "support/routes"
require "support/wait"

RSpec.describe Karafka::Worker do
  include OneTopic
  include Wait

  let(:engine) { FakeEngine.new }
  let(:fatal) { Queue.new }
  let(:errors) { Queue.new }
  let(:workers) { [] }

  before { Karafka.monitor.subscribe("error.occurred") { |event| errors << event } }

  after do
    engine.stop
    workers.each { |worker| worker.join(60) }
  end

  def consumer(superclass = Karafka::BaseConsumer, &)
    klass = Class.new(superclass, &)
    klass.class_eval { def consume = nil } unless klass.method_defined?(:consume, false)
    klass
  end

  def work(routes)
    worker = described_class.new(0, engine, Karafka::Coordinator.new(routes), on_fatal: fatal.method(:<<))
    workers << worker.start
    worker
  end

  def process(lease, routes)
    work(routes) if workers.empty?
    engine.give(lease)
    wait_until("the lease to be settled") { !lease.settled.empty? && engine.waiting == 1 }
    lease
  end

  it "acknowledges a batch after consume returned" do
    seen = []
    routes = route(consumer { define_method(:consume) { seen.concat(messages.payloads) } })
    expect(process(FakeLease.new(%w[1 2]), routes).settled).to eq([:ack])
    expect(seen).to eq([1, 2])
  end

  it "reports an initialized that raises as such, and takes nothing of it for an attempt of the batch" do
    calls = 0
    routes = route(consumer do
      define_method(:initialized) { (calls += 1) < 3 && raise("no database") }
      define_method(:consume) { raise "bad" }
    end) { dead_letter_queue topic: "dead", max_retries: 1 }
    leases = [1, 1, 1, 2].map { |attempt| process(FakeLease.new(%w[1], attempt: attempt), routes) }
    expect(drain(errors).map { |event| event[:type] }.first(3))
      .to eq(%w[consumer.initialized.error consumer.initialized.error consumer.consume.error])
    expect(leases.map { |lease| lease.settled.first }.first(3)).to eq([[:untried, 1], [:untried, 2], :nack])
  end

  it "leaves no message to the dead letter queue because a later instance cannot be initialized" do
    calls = 0
    routes = route(consumer { define_method(:initialized) { (calls += 1) == 2 && raise("no database") } }) do
      consumer_persistence false
      dead_letter_queue topic: "dead", max_retries: 0
    end
    leases = Array.new(2) { process(FakeLease.new(%w[1]), routes) }
    expect(leases.map(&:settled)).to eq([[:ack], [[:untried, 1]]])
    expect(drain(errors).map { |event| event[:type] }).to eq(["consumer.initialized.error"])
  end

  it "only releases the batch where offsets are managed by hand" do
    routes = route(consumer { def consume = mark_as_consumed(messages.first) }) { manual_offset_management true }
    lease = process(FakeLease.new(%w[1 2], first_offset: 5), routes)
    expect([lease.settled, lease.marked]).to eq([[:release], [5]])
  end

  [
    ["a StandardError", -> { raise "no" }], ["a ScriptError", -> { raise NotImplementedError }],
    ["a throw that nobody catches", -> { throw(:nowhere) }], ["a Timeout", -> { Timeout.timeout(0.01) { sleep } }],
    ["an Exception raised from another thread", lambda {
                                                  Thread.new(Thread.current) do |thread|
                                                    thread.raise(Exception, "from outside")
                                                  end && sleep
                                                }],
    ["a stack that is too deep", -> { (f = -> { f.call }).call }]
  ].each do |what, code|
    it "gives the batch back after #{what}, and the worker goes on" do
      attempts = 0
      routes = route(consumer { define_method(:consume) { (attempts += 1) == 1 ? code.call : nil } })
      expect(process(FakeLease.new(%w[1]), routes).settled).to eq([:nack])
      expect(errors.pop[:type]).to eq("consumer.consume.error")
      expect(process(FakeLease.new(%w[1], attempt: 2), routes).settled).to eq([:ack])
      expect(fatal).to be_empty
    end
  end

  it "has an idle that failed come again, and says nothing of a retried batch" do
    routes = route(consumer { def idle = raise("no") })
    retries = []
    Karafka.monitor.subscribe("consumer.consuming.retry") { |event| retries << event }
    process(FakeLease.new(%w[1]), routes)
    expect(process(FakeLease.new(kind: :idle), routes).settled).to eq([:nack])
    expect([errors.pop[:type], retries]).to eq(["consumer.idle.error", []])
  end

  it "retries with the same instance and says so" do
    instances = []
    retries = []
    Karafka.monitor.subscribe("consumer.consuming.retry") { |event| retries << [event[:attempt], event[:delay]] }
    routes = route(consumer { define_method(:consume) { (instances << [self, attempt, retrying?]) && attempt == 1 && raise("once") } })
    process(FakeLease.new(%w[1]), routes)
    process(FakeLease.new(%w[1], attempt: 2), routes)
    expect(instances.map { |(instance, *)| instance }.uniq.size).to eq(1)
    expect(instances.map { |(_, *rest)| rest }).to eq([[1, false], [2, true]])
    expect(retries).to eq([[1, 1_000]])
  end

  [[SystemExit, -> { exit(3) }], [SignalException, -> { raise Interrupt }], [NoMemoryError, lambda {
                                                                                              raise NoMemoryError
                                                                                            }]].each do |error, code|
    it "ends the process, without committing the batch, after #{error}" do
      routes = route(consumer { define_method(:consume, &code) })
      expect(process(FakeLease.new(%w[1]), routes).settled).to eq([:nack])
      expect(fatal.pop).to be_a(error)
    end
  end

  it "survives a consumer that kills its own thread, and says so" do
    attempts = 0
    routes = route(consumer { define_method(:consume) { Thread.current.kill if (attempts += 1) == 1 } })
    expect(process(FakeLease.new(%w[1]), routes).settled).to eq([:nack])
    event = errors.pop
    expect([event[:type], event[:error].message]).to match(["worker.abandoned.error", %r{killed .*consume of orders/0, which runs again}])
    expect(process(FakeLease.new(%w[1]), routes).settled).to eq([:ack])
  end

  it "gives its batch back where its thread is killed on the way to settle it" do
    lease = FakeLease.new(%w[1])
    lease.define_singleton_method(:ack) { Thread.current.kill }
    expect(process(lease, route(consumer { nil })).settled).to eq([:nack])
    expect(errors.pop[:type]).to eq("worker.abandoned.error")
  end

  it "gives its batch back where its thread is killed as soon as it has the batch" do
    kills = 1
    engine.define_singleton_method(:take) do
      super().tap do |lease|
        taker = Thread.current
        killer = Thread.new { taker.kill } if lease && (kills -= 1).zero?
        Thread.pass while killer&.alive?
      end
    end
    routes = route(consumer { nil })
    expect(Array.new(2) { process(FakeLease.new(%w[1]), routes).settled }).to eq([[:nack], [:ack]])
  end

  it "survives being killed before its first step" do
    worker = nil
    routes = route(consumer { nil })
    200.times do
      worker ||= work(routes)
      worker.thread.kill
    end
    wait_until("a worker that waits") { engine.waiting >= 1 }
    expect(process(FakeLease.new(%w[1]), routes).settled).to eq([:ack])
  end

  it "survives an exception that comes while it waits" do
    routes = route(consumer { nil })
    worker = work(routes)
    wait_until { engine.waiting == 1 }
    worker.thread.raise(Exception, "stray")
    expect(errors.pop[:type]).to eq("worker.process.error")
    expect(process(FakeLease.new(%w[1]), routes).settled).to eq([:ack])
  end

  it "survives subscribers of error.occurred that raise" do
    Karafka::App.config.logger = Logger.new(log = StringIO.new)
    Karafka.monitor.subscribe("error.occurred") { raise "tracker is down" }
    routes = route(consumer { def consume = raise("no") })
    process(FakeLease.new(%w[1]), routes)
    expect(process(FakeLease.new(%w[1]), routes).settled).to eq([:nack])
    expect(log.string).to match(/a subscriber of "error.occurred" raised RuntimeError: tracker is down/)
  end

  it "does not repeat a batch because a subscriber failed after it" do
    Karafka::App.config.logger = Logger.new(StringIO.new)
    Karafka.monitor.subscribe("consumer.consumed") { raise "metrics are down" }
    Karafka.monitor.subscribe("consumer.consume") { raise "metrics are down" }
    expect(process(FakeLease.new(%w[1]), route(consumer { nil })).settled).to eq([:ack])
  end

  it "runs consume within the monitor of a tracer, which sees what it raises" do
    calls = []
    tracer = Class.new(Karafka::Instrumentation::Monitor) do
      define_method(:instrument) do |name, payload = {}, &block|
        calls << name if name == "consumer.consumed"
        super(name, payload, &block)
      rescue RuntimeError => e
        calls << e.message
        raise
      end
    end
    Karafka::App.config.monitor = tracer.new
    routes = route(consumer { def consume = attempt == 1 ? raise("no") : nil })
    expect(process(FakeLease.new(%w[1]), routes).settled).to eq([:nack])
    expect(process(FakeLease.new(%w[1], attempt: 2), routes).settled).to eq([:ack])
    expect(calls).to eq(["consumer.consumed", "no", "consumer.consumed"])
  end

  it "reports the engine's failure and finishes" do
    worker = work(route(consumer { nil }))
    engine.give(Karafka::Errors::EngineError.new("broken"))
    expect(fatal.pop.message).to eq("broken")
    expect(worker.join(60)).to be(true)
  end

  it "finishes when the engine has nothing more" do
    worker = work(route(consumer { nil }))
    engine.stop
    expect(worker.join(60)).to be(true)
  end

  it "stays dead when it is killed in a forced stop" do
    worker = work(route(consumer { def consume = sleep }))
    engine.give(FakeLease.new(%w[1]))
    wait_until { worker.current == "consume of orders/0" }
    worker.kill
    wait_until { !worker.thread.alive? }
    expect(worker.join(0.1)).to be(false)
  end

  it "tells subscribers about jobs, with their duration" do
    jobs = []
    Karafka.monitor.subscribe("worker.processed") { |event| jobs << [event[:job].name, event[:time]] }
    process(FakeLease.new(%w[1]), route(stub_const("OrdersConsumer", consumer { nil })))
    expect(jobs).to match([["consume by OrdersConsumer on orders/0", a_kind_of(Float)]])
  end

  describe "wrap" do
    it "goes around consume" do
      calls = []
      routes = route(consumer do
        define_method(:wrap) { |action, &block| [calls << action, block.call, calls << :after] && nil }
        define_method(:consume) { calls << :body }
      end)
      expect(process(FakeLease.new(%w[1]), routes).settled).to eq([:ack])
      expect(calls).to eq(%i[consume body after])
    end

    it "that does not call its block leaves the batch unprocessed and says so" do
      expect(process(FakeLease.new(%w[1]), route(consumer { def wrap(_action) = nil })).settled).to eq([:nack])
      expect(errors.pop[:error].message).to match(/#wrap\(:consume\) did not call its block/)
    end

    it "that raises does not kill the worker" do
      routes = route(consumer { def wrap(_action) = raise("no connection") })
      2.times { expect(process(FakeLease.new(%w[1]), routes).settled).to eq([:nack]) }
    end

    it "that swallows an exception does not make a success of it" do
      routes = route(consumer do
        def wrap(_action)
          yield
        rescue StandardError
          nil
        end

        def consume = raise("no")
      end)
      expect(process(FakeLease.new(%w[1]), routes).settled).to eq([:nack])
    end

    it "may try again itself" do
      attempts = 0
      routes = route(consumer do
        define_method(:wrap) { |_, &block| [1, 2].each { (block.call && break) rescue nil } } # rubocop:disable Style/RescueModifier
        define_method(:consume) { (attempts += 1) == 2 || raise("once") }
      end)
      expect(process(FakeLease.new(%w[1]), routes).settled).to eq([:ack])
    end
  end
end

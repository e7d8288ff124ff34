# frozen_string_literal: true

RSpec.describe Karafka::Instrumentation::Monitor do
  subject(:monitor) { described_class.new }

  it "calls a block that subscribed" do
    seen = []
    monitor.subscribe("error.occurred") { |event| seen << [event.id, event[:error], event.payload[:type]] }
    monitor.instrument("error.occurred", error: 1, type: "t")
    expect(seen).to eq([["error.occurred", 1, "t"]])
  end

  it "calls a listener's on_ methods, of an instance or a class" do
    listener = Class.new do
      class << self
        attr_accessor :seen

        def on_app_running(event) = self.seen = event.id
      end
    end
    monitor.subscribe(listener)
    monitor.instrument("app.running")
    expect(listener.seen).to eq("app.running")
    expect(monitor.unsubscribe(listener)).to be(true)
    expect(monitor.listening?("app.running")).to be(false)
  end

  it "tells the others, too, where a subscriber raises" do
    Karafka::App.config.logger = Logger.new(log = StringIO.new)
    seen = []
    [-> { raise "one" }, -> { seen << 1 }, -> { raise NotImplementedError, "two" }, -> { seen << 2 }].each do |code|
      monitor.subscribe("app.running") { code.call }
    end
    expect { monitor.instrument("app.running") }.to raise_error("one")
    expect([seen, log.string]).to match([[1, 2], /subscriber of "app.running" raised NotImplementedError: two/])
  end

  it "tells the others, too, where a subscriber raises an Exception or recurses without end" do
    Karafka::App.config.logger = Logger.new(log = StringIO.new)
    seen = []
    recurse = ->(depth) { recurse.call(depth + 1) }
    [-> { raise Exception, "one" }, -> { recurse.call(0) }, -> { throw :nobody }, -> { seen << 1 }].each do |code| # rubocop:disable Lint/RaiseException
      monitor.subscribe("app.running") { code.call }
    end
    expect { monitor.instrument("app.running") }.to raise_error(Exception, "one")
    expect([seen, log.string]).to match([[1], /raised SystemStackError.*raised UncaughtThrowError/m])
  end

  it "lets an exit through at once" do
    monitor.subscribe("app.running") { exit 3 }
    expect { monitor.instrument("app.running") }.to raise_error(SystemExit)
  end

  it "sends events to a bus of the application's own, under a namespace" do
    bus = Karafka::Instrumentation::Notifications.new
    monitor = described_class.new(bus, "karafka")
    seen = []
    bus.subscribe("karafka.app.running") { |event| seen << event.id }
    monitor.subscribe("app.running") { |event| seen << event.id }
    listener = Class.new { define_method(:on_app_running) { |event| seen << event.id } }
    monitor.subscribe(listener.new)
    expect([monitor.listening?("app.running"), monitor.listening?("app.stopped")]).to eq([true, false])
    expect(monitor.instrument("app.running") { 7 }).to eq(7)
    expect(seen).to eq(["karafka.app.running"] * 3)
  end

  it "sends events to ActiveSupport::Notifications" do
    skip "ActiveSupport is not installed" unless load_active_support
    monitor = described_class.new(ActiveSupport::Notifications, "karafka")
    seen = []
    expect(monitor.listening?("app.running")).to be(false)
    own = ActiveSupport::Notifications.subscribe("karafka.app.running") { |name, *, payload| seen << [name, payload[:caller]] }
    listener = Class.new { define_method(:on_app_running) { |event| seen << [event.id, event[:caller]] } }
    subscribed = monitor.subscribe(listener.new)
    expect([monitor.listening?("app.running"), monitor.instrument("app.running", { caller: 1 }) { 7 }]).to eq([true, 7])
    expect(seen).to contain_exactly(["karafka.app.running", 1], ["app.running", 1])
  ensure
    [own, subscribed].compact.each { |subscriber| ActiveSupport::Notifications.unsubscribe(subscriber) } if defined?(ActiveSupport)
  end

  def load_active_support
    require "active_support"
    require "active_support/notifications"
    true
  rescue LoadError
    false
  end

  it "tells subscribers of a former event that today's stand for, by block or by method" do
    listener = Class.new do
      attr_reader :seen

      def on_params_params_parse_error(event) = (@seen ||= []) << event[:error].class
      def on_server_stop(event) = (@seen ||= []) << event.id
    end.new
    stops = []
    monitor.subscribe(listener)
    monitor.subscribe("app.stopping.error") { |event| stops << event[:error] }
    [[Karafka::Errors::DeserializationError.new("x"), "consumer.consume.error"], [RuntimeError.new, "consumer.consume.error"],
     [:forced, "app.stopping.error"]].each { |error, type| monitor.instrument("error.occurred", error: error, type: type) }
    monitor.instrument("app.stopping")
    expect([listener.seen, stops]).to eq([[Karafka::Errors::DeserializationError, "app.stopping"], [:forced]])
    monitor.unsubscribe(listener)
    monitor.instrument("app.stopping")
    expect(listener.seen.size).to eq(2)
    producers = WaterDrop::Instrumentation::Monitor.new
    expect { producers.subscribe("server.stop") { nil } }.to raise_error(Karafka::Errors::EventNotRegisteredError)
  end

  it "measures a block in milliseconds and returns its value" do
    time = nil
    monitor.subscribe("consumer.consumed") { |event| time = event[:time] }
    expect(monitor.instrument("consumer.consumed", caller: self) { 5 }).to eq(5)
    expect(time).to be_a(Float)
  end

  it "runs the block when nobody subscribed" do
    expect(monitor.instrument("consumer.consumed") { 6 }).to eq(6)
    expect(monitor.listening?("consumer.consumed")).to be(false)
  end

  it "names the nearest event for an unknown one" do
    # a slip of the pen
    expect { monitor.subscribe("eror.occured") { nil } }
      .to raise_error(Karafka::Errors::EventNotRegisteredError, /Did you mean "error.occurred"/)
    expect { monitor.instrument("nope.nothing") }.to raise_error(Karafka::Errors::EventNotRegisteredError)
    slip = Class.new { def on_eror_occurred(_event) = nil }.new
    expect { monitor.subscribe(slip) }.to raise_error(Karafka::Errors::EventNotRegisteredError, /on_error_occurred/)
  end

  it "refuses events of features that are not supported yet" do
    expect { monitor.subscribe("recurring_tasks.task.executed") { nil } }.to raise_error(Karafka::Errors::UnsupportedFeatureError)
  end

  it "says in the log which method of a listener will not be called yet" do
    log = StringIO.new
    Karafka::App.config.logger = Logger.new(log)
    listener = Class.new do
      def on_recurring_tasks_task_executed(_event) = nil
      def on_app_running(_event) = nil
    end.new
    monitor.subscribe(listener)
    expect(log.string).to match(/on_recurring_tasks_task_executed will not be called/)
  end

  it "takes events of the application's own" do
    monitor.notifications_bus.register_event("orders.paid")
    seen = 0
    monitor.subscribe("orders.paid") { seen += 1 }
    monitor.instrument("orders.paid")
    expect(seen).to eq(1)
  end

  it "unsubscribes a block" do
    block = proc { raise "still here" }
    monitor.subscribe("app.running", &block)
    monitor.unsubscribe(block)
    expect { monitor.instrument("app.running") }.not_to raise_error
  end

  it "always tells a monitor that overrides instrument" do
    tracer = Class.new(described_class) { def instrument(*) = yield }.new
    expect(tracer.listening?("consumer.consumed")).to be(true)
  end

  describe "the bus that events can be given to directly" do
    def bus(monitor = described_class.new)
      described_class.direct_bus(monitor)
    end

    # What a patch does that does not know Module#prepend.
    def redefined(klass, name)
      former = klass.instance_method(name)
      klass.define_method(name) { |*args, &block| former.bind_call(self, *args, &block) }
      yield
    ensure
      klass.define_method(name, former)
    end

    it "is its own" do
      expect(bus(monitor)).to equal(monitor.notifications_bus)
    end

    it "is none where something is to see them on their way" do
      patched = described_class.new
      patched.notifications_bus.singleton_class.prepend(Module.new { def instrument(*) = 1 })
      foreign = described_class.new(Struct.new(:bus).new)
      tracer = Class.new(described_class) { def instrument(*) = yield }.new
      picky = Class.new(described_class) { def listening?(*) = false }.new
      expect([patched, foreign, tracer, picky, described_class.new(nil, "shop")].map { |it| bus(it) }).to all(be_nil)
    end

    it "is none where the monitor is behind another object" do
      expect([SimpleDelegator.new(monitor), BasicObject.new, Object.new].map { |it| bus(it) }).to all(be_nil)
    end

    it "is none where the class was changed" do
      bus_class = Karafka::Instrumentation::Notifications
      [[described_class, :instrument], [described_class, :listening?], [bus_class, :instrument]].each do |changed|
        expect(redefined(*changed) { bus }).to be_nil
        expect(bus).not_to be_nil
      end
    end
  end

  it "has no event both emitted and not supported yet" do
    expect(Karafka::Instrumentation::Events::EMITTED.keys & Karafka::Instrumentation::Events::NOT_YET).to be_empty
  end
end

# frozen_string_literal: true

require "support/application"
require "support/fake_lease"
require "support/routes"
require "support/wait"

# Registries that several threads use: each example fails with a plain Hash or Array in its place.
RSpec.describe "what threads share" do
  include ApplicationHelpers
  include OneTopic
  include Wait

  def together(count, &block)
    gate = Queue.new
    threads = Array.new(count) { |number| Thread.new { gate.pop.then { block.call(number) } } }
    count.times { gate << true }
    threads.map(&:value)
  end

  it "an assignment has one consumer, however many workers come with its first leases" do
    routes = route(Class.new(Karafka::BaseConsumer) { def consume = nil })
    # Long enough in between for the others.
    slowly = proc { |original, *given, **more| sleep(0.001) && original.call(*given, **more) }
    allow(Karafka::Assignment).to receive(:new).and_wrap_original(&slowly)
    coordinator = Karafka::Coordinator.new(routes)
    20.times do |round|
      found = together(6) { |number| coordinator.fetch(FakeLease.new([], assignment_id: (round * 10) + (number % 2))) }
      expect(found.uniq.size).to eq(2)
      together(4) { |number| coordinator.evict(FakeLease.new([], assignment_id: (round * 10) + (number % 2))) }
      expect(coordinator.size).to eq(0)
    end
  end

  it "subscribers come and go while events are told, and none is forgotten or told twice" do
    bus = Karafka::Instrumentation::Notifications.new
    told = Queue.new
    telling = true
    teller = Thread.new { bus.instrument("app.running", {}) while telling }
    together(8) do |number|
      50.times do |turn|
        name = %w[error.occurred app.stopped consumer.consumed][turn % 3]
        bus.subscribe(name) { told << [number, turn] }
        passing = proc {}
        bus.subscribe("app.running", &passing)
        bus.unsubscribe(passing)
      end
    end
    telling = false
    teller.join
    %w[error.occurred app.stopped consumer.consumed].each { |name| bus.instrument(name, {}) }
    expect(told.size).to eq(400)
    expect(Array.new(400) { told.pop }.uniq.size).to eq(400)
  end

  it "a subscriber that unsubscribes itself, or subscribes another, disturbs no other" do
    bus = Karafka::Instrumentation::Notifications.new
    told = []
    once = proc { (told << :once) && bus.unsubscribe(once) }
    more = proc { (told << :more) && bus.subscribe("app.running") { told << :late } }
    [once, more, proc { told << :last }].each { |subscriber| bus.subscribe("app.running", &subscriber) }
    bus.instrument("app.running", {})
    expect(told).to eq(%i[once more last])
  end

  it "routes that are read while others are drawn do not keep an old list" do
    setup
    topic(:first)
    klass = consumer_class("Second")
    began = Queue.new
    go_on = Queue.new
    allow(Karafka::Routing::SubscriptionGroup).to receive(:split).and_wrap_original do |original, *given|
      original.call(*given).tap { (began << true) && go_on.pop if Thread.current[:reads] }
    end
    app.routes.first.refresh
    reader = Thread.new { (Thread.current[:reads] = true) && app.routes.subscription_groups }
    began.pop
    drawing = Thread.new { app.routes.draw { topic(:second) { consumer klass } } }
    wait_until("the drawing to wait or to end") { !drawing.alive? || drawing.status == "sleep" }
    go_on << true
    [reader, drawing].each(&:join)
    expect(app.routes.subscription_groups.flat_map(&:topics).map(&:name)).to eq(%w[first second])
  end
end

# frozen_string_literal: true

require "support/application"

RSpec.describe "failure settings of routes" do
  include ApplicationHelpers

  before { setup }

  def dlq(**options) = topic { dead_letter_queue(**options) }.dead_letter_queue

  it "have Karafka's defaults" do
    expect(dlq(topic: :dead).to_h).to eq(
      topic: "dead", max_retries: 3, independent: false, transactional: true, dispatch_method: :produce_async,
      marking_method: :mark_as_consumed, mark_after_dispatch: nil, stop_after: nil, active: true
    )
    expect(topic(:others).dead_letter_queue.active?).to be(false)
  end

  it "come from defaults, one by one, and can be switched off" do
    klass = consumer_class
    app.routes.draw do
      topic(:a) { consumer(klass) && dead_letter_queue(max_retries: 0) }
      topic(:b) { consumer(klass) && dead_letter_queue(false) }
      subscription_group(:s, dead_letter_queue: { topic: "other" }) { topic(:c) { consumer klass } }
      defaults { dead_letter_queue topic: "dead", independent: true }
    end
    a, b, c = app.routes.topics.map(&:dead_letter_queue)
    expect([a.topic, a.max_retries, a.independent?]).to eq(["dead", 0, true])
    expect([b.active?, c.topic, c.independent?]).to eq([false, "other", true])
  end

  it "mark a dead letter by default, but not where offsets are managed by hand" do
    expect(dlq(topic: "dead").mark_after_dispatch?).to be(true)
    manual = topic(:manual) { manual_offset_management(true) && dead_letter_queue(topic: "dead") }
    expect(manual.dead_letter_queue.mark_after_dispatch?).to be(false)
    told = topic(:told) { manual_offset_management(true) && dead_letter_queue(topic: "dead", mark_after_dispatch: true) }
    expect(told.dead_letter_queue.mark_after_dispatch?).to be(true)
  end

  {
    { max_retries: 1 } => /topic orders dead_letter_queue needs topic: a name, or false/,
    { topic: "orders" } => /is the topic itself/,
    { topic: "a b" } => /topic orders dead_letter_queue topic is "a b", but must be the name of a topic, or false/,
    { topic: true } => /topic is true/,
    { topic: "d", max_retries: -1 } => /max_retries is -1, but must be an Integer of at least 0/,
    { topic: "d", retries: 1 } => /Unknown option `topic orders dead_letter_queue retries`.*Did you mean `.*max_retries`/,
    { topic: "d", dispatch_method: :produce } => /must be :produce_async or :produce_sync/,
    { topic: "d", marking_method: :mark } => /must be :mark_as_consumed or :mark_as_consumed!/,
    { topic: "d", stop_after: { consecutive: 0 } } => /stop_after is \{:consecutive=>0\}, but must be a Hash of consecutive/,
    { topic: "d", stop_after: { ratio: 2 } } => /must be a Hash/,
    { topic: "d", stop_after: {} } => /must be a Hash/,
    { topic: "d", independent: nil } => /must be true or false/
  }.each do |options, message|
    it "refuse dead_letter_queue #{options}" do
      expect { dlq(**options) }.to be_refused(message)
    end
  end

  it "refuse a custom strategy with what to do instead" do
    expect { dlq(topic: "d", strategy: Object.new) }.to be_unsupported(/strategy.*Raise Karafka::Reject/)
  end

  it "refuse a dead letter queue that its own pattern consumes" do
    expect { topic(/\Aaudit\./) { dead_letter_queue topic: "audit.dead" } }.to be_refused(/matches the pattern/)
  end

  it "refuse :dead_letter for what cannot be decoded where there is no topic for it" do
    expect { topic { on_deserialization_error :dead_letter } }.to be_refused(/needs a topic to go to/)
    app.routes.clear
    expect { topic(:b) { on_deserialization_error :ignore } }.to be_refused(/must be :raise, :dead_letter or :skip/)
    app.routes.clear
    expect(topic(:c) { on_deserialization_error "skip" }.on_deserialization_error).to eq(:skip)
  end

  it "map the name of the dead letter queue as those of other topics" do
    mapper = Class.new do
      def incoming(topic) = topic.delete_prefix("env-")
      def outgoing(topic) = "env-#{topic}"
    end
    app.config.topic_mapper = mapper.new
    expect(dlq(topic: "dead").kafka_topic).to eq("env-dead")
  end
end

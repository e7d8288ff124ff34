# frozen_string_literal: true

require "support/application"

RSpec.describe "failure settings of routes" do
  include ApplicationHelpers

  before { setup }

  def dlq(**options) = topic { dead_letter_queue(**options) }.dead_letter_queue

  it "have Karafka's defaults" do
    expect(dlq(topic: :dead).to_h).to eq(
      topic: "dead", max_retries: 3, independent: false, transactional: true, dispatch_method: :produce_async,
      marking_method: :mark_as_consumed, mark_after_dispatch: nil, stop_after: nil, too_large: :wait, active: true
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
    { topic: "d", stop_after: { consecutive: 0 } } => /stop_after is #{Regexp.escape({ consecutive: 0 }.inspect)}, but must be a Hash/,
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

RSpec.describe Karafka::Routing::RetryTopic do
  include ApplicationHelpers

  before { setup }

  def orders(name = :orders, **more, &block)
    topic(name) do
      retry_topics delays: [10, 20]
      dead_letter_queue(topic: "dead")
      more.each { |setting, value| public_send(setting, value) }
      instance_eval(&block) if block
    end
    app.routes.topics.find { |topic| topic.name == name.to_s }
  end

  it "is drawn for each delay, in the same group, with the same consumer and settings" do
    orders(max_messages: 7, initial_offset: "latest", expire_after: 5)
    first, second = stages = app.routes.topics.grep(described_class)
    expect(stages.map(&:name)).to eq(%w[orders.retry.1 orders.retry.2])
    expect(stages.map(&:delay_by)).to eq([10, 20])
    expect(stages.map(&:max_messages)).to eq([7, 7])
    expect(stages.map(&:initial_offset)).to eq(%w[earliest earliest])
    expect(stages.map(&:expire_after)).to eq([nil, nil])
    expect(stages.map(&:consumer).uniq).to eq([OrdersConsumer])
    expect(stages.map(&:active?)).to eq([true, true])
    expect([first.next_stage, second.next_stage, first.retry_of.next_stage]).to eq([second, nil, first])
    expect([first.earlier_attempts, second.earlier_attempts]).to eq([1, 2])
  end

  it "is not drawn twice, and keeps underscores where a name has them" do
    orders(:paid_orders)
    app.routes.draw { defaults { max_messages 5 } }
    expect(app.routes.topics.map(&:name)).to eq(%w[paid_orders paid_orders_retry_1 paid_orders_retry_2])
  end

  it "tries in place only where max_retries says so" do
    expect(orders.dead_letter_queue.max_retries).to eq(0)
    app.routes.clear
    stages = orders { dead_letter_queue max_retries: 2 }.retry_stages
    expect(stages.map { |stage| stage.dead_letter_queue.max_retries }).to eq([2, 2])
    expect(stages.map(&:earlier_attempts)).to eq([3, 6])
  end

  it "is what the engine consumes, with its delay" do
    orders
    topics = Karafka::Engine::Config.new.to_h[:groups].flat_map { |group| group[:topics] }
    expect(topics.to_h { |topic| [topic[:name], topic[:selection][:delay_by_ms]] })
      .to eq("orders" => 0, "orders.retry.1" => 10, "orders.retry.2" => 20)
  end

  it "says where messages may go" do
    topic = orders
    expect(topic.outgoing_topics.map do |target|
             [target.name, target.kind]
           end).to eq([["dead", :dead_letter_queue], ["orders.retry.1", :retry_topic]])
    expect(Karafka::Failures::Topics.names(app.routes.topics)).to eq(%w[dead orders.retry.1 orders.retry.2])
  end

  it "is left out with its topic" do
    orders
    app.routes.selection.exclude(:topics, ["orders"])
    expect(app.routes.topics.select(&:active?)).to eq([])
  end

  it "can come from defaults, and be switched off" do
    klass = consumer_class
    app.routes.draw do
      defaults do
        retry_topics delays: [5]
        dead_letter_queue topic: "dead"
      end
      topic(:a) { consumer klass }
      topic(:b) { consumer(klass) && retry_topics(false) }
    end
    expect(app.routes.topics.map(&:name)).to eq(%w[a b a.retry.1])
  end

  {
    proc {
      retry_topics delays: [5]
    } => /retry_topics needs a place for what fails in the last one, too: dead_letter_queue topic: "orders.dead"/,
    proc { retry_topics delays: [0] } => /retry_topics delays is \[0\], but must be an Array of Integers of at least 1/,
    proc { retry_topics delays: 5 } => /must be an Array/,
    proc { retry_topics delays: [] } => /retry_topics delays is \[\], but must be an Array .*not empty/
  }.each do |settings, message|
    it "refuses what cannot work: #{message.source}" do
      expect { topic(&settings) }.to be_refused(message)
    end
  end

  it "refuses patterns and partitions assigned by hand" do
    expect { orders(/\Aaudit/) }.to be_refused(/retry_topics cannot be made for a pattern/)
    app.routes.clear
    expect { orders(assign: 0) }.to be_refused(/needs the group to assign/)
  end
end

# frozen_string_literal: true

require_relative "../../support/application"

RSpec.describe Karafka::Engine::Config do
  include ApplicationHelpers

  def engine = described_class.new

  # The settings of librdkafka of each group.
  def kafka = engine.to_h[:groups].map { |group| group[:kafka] }

  it "is exactly what the engine takes" do
    setup("session.timeout.ms": 10_000, "linger.ms": 5) { |config| config.client_id = "shop" }
    topic(:orders) { max_wait_time 20 }
    topic(/\Aaudit\./) { pause_timeout 5 }

    plain = { delay_by_ms: 0, expire_after_ms: nil, only: nil, throttles: [] }
    expect(engine.to_h).to eq(
      revocation_grace_ms: 30_000, stuck_report_ms: 60_000, max_queued_bytes: 67_108_864, throttles: [],
      groups: [{
        id: "app_0", recommit_interval_ms: 21_600_000, multiplexing: nil, skip_new_partitions: false,
        missing_error_after_ms: 60_000,
        kafka: {
          "bootstrap.servers" => "127.0.0.1:9092", "client.id" => "shop", "group.id" => "app", "auto.offset.reset" => "earliest",
          "session.timeout.ms" => "10000", "fetch.queue.backoff.ms" => "10", "fetch.wait.max.ms" => "50",
          "fetch.max.bytes" => "4010000", "max.partition.fetch.bytes" => "4010000",
          "queued.max.messages.kbytes" => "16384",
          "heartbeat.interval.ms" => "500",
          "allow.auto.create.topics" => "true", "topic.metadata.refresh.interval.ms" => "5000"
        },
        topics: [
          { name: "orders", pattern: nil, max_messages: 100, max_bytes: 4_194_304, max_wait_time_ms: 20, eofed: false,
            pause_timeout_ms: 1_000, pause_max_timeout_ms: 30_000, pause_with_exponential_backoff: true, selection: plain,
            idle_after_ms: nil, long_running_limit_ms: 300_000, priority: 10, assign: nil, attempts_per_message: false, parallel: nil,
            on_recreated: "beginning" },
          { name: nil, pattern: "^audit\\.", max_messages: 100, max_bytes: 4_194_304, max_wait_time_ms: 0, eofed: false,
            pause_timeout_ms: 5, pause_max_timeout_ms: 30_000, pause_with_exponential_backoff: true, selection: plain,
            idle_after_ms: nil, long_running_limit_ms: 300_000, priority: 10, assign: nil, attempts_per_message: false, parallel: nil,
            on_recreated: "beginning" }
        ]
      }]
    )
  end

  it "leads from a lease's indexes back to the routes, inactive topics left out" do
    setup
    topic(:off) { active false }
    topic(:a)
    topic(:b)
    topic(:c) { initial_offset "latest" }
    expect([engine.topic(0, 0), engine.topic(0, 1), engine.topic(1, 0)].map(&:name)).to eq(%w[a b c])
    expect(engine.subscription_group(1)).to be(engine.topic(1, 0).subscription_group)
    expect(engine.to_h[:groups].map { |group| group[:topics].map { |topic| topic[:name] } }).to eq([%w[a b], %w[c]])
  end

  it "has short sessions with the built-in broker, whose groups wait for them, where nothing is set" do
    setup
    topic
    allow(Karafka::BuiltInBroker).to receive(:at?).with("127.0.0.1:9092").and_return(true)
    expect(kafka.first).to include("session.timeout.ms" => "2000", "heartbeat.interval.ms" => "500")
    { "session.timeout.ms": 6_000 }.merge("heartbeat.interval.ms": 3_000, "group.protocol": "consumer").each do |name, value|
      app.config.kafka = { "bootstrap.servers": "127.0.0.1:9092", name => value }
      expect(kafka.first["session.timeout.ms"]).not_to eq("2000")
    end
  end

  it "lets the user's settings go before the engine's defaults" do
    setup("fetch.queue.backoff.ms": 99, "client.id": "mine", "statistics.interval.ms": 0)
    topic
    expect(kafka.first).to include("fetch.queue.backoff.ms" => "99", "client.id" => "mine", "statistics.interval.ms" => "0")
  end

  it "lets the user's settings of fetching ahead go before the engine's" do
    own = { "fetch.wait.max.ms": 500, "fetch.max.bytes": 9_000_000, "queued.max.messages.kbytes": 1, "queued.min.messages": 2 }
    setup(**own)
    topic
    expect(kafka.first).to include(own.to_h { |name, value| [name.to_s, value.to_s] })
  end

  {
    { "message.max.bytes": 10_000_000 } => "10000000", { "max.partition.fetch.bytes": 20_000_000 } => "20000000",
    { "fetch.message.max.bytes": 100_000 } => "4010000"
  }.each do |settings, expected|
    it "has answers of #{expected} bytes with #{settings}, which librdkafka takes" do
      setup(**settings)
      topic
      expect(kafka.first).to include("fetch.max.bytes" => expected)
      expect { Karafka::Native::Engine.new(engine.to_h) }.not_to raise_error
    end
  end

  it "has smaller answers where less may be fetched ahead and where there are more groups" do
    sizes = ->(limit) { setup { |config| config.max_queued_bytes = limit }.then { kafka.map { |it| Integer(it["fetch.max.bytes"]) } } }
    topic
    expect([false, 4_194_304, 1_000_000].map(&sizes)).to eq([[4_010_000], [2_097_152], [1_010_000]])
    topic(:other) { initial_offset "latest" }
    expect(sizes.call(6_291_456)).to eq([1_572_864] * 2)
  end

  # Each cut has a broker send a producer's batch again.
  {
    {} => "4010000", { "fetch.max.bytes": 2_000_000 } => "2000000", { "fetch.max.bytes": 20_000_000 } => "4010000",
    { "max.partition.fetch.bytes": 100_000 } => "100000", { "fetch.message.max.bytes": 100_000 } => nil
  }.each do |settings, expected|
    it "lets one partition have #{expected || "what it was given"} of an answer with #{settings}, which librdkafka takes" do
      setup(**settings)
      topic
      expect(kafka.first["max.partition.fetch.bytes"]).to eq(expected)
      expect { Karafka::Native::Engine.new(engine.to_h) }.not_to raise_error
    end
  end

  describe "topics that come later" do
    def found = kafka.map { |settings| settings.values_at("allow.auto.create.topics", "topic.metadata.refresh.interval.ms") }

    after { Karafka.refresh! }

    it "are found within 5 seconds, and made by asking for them, outside of production" do
      setup
      topic
      expect(found).to eq([%w[true 5000]])
    end

    it "are asked for less often in production, and not made" do
      Karafka.env = "production"
      setup
      topic
      topic(/\Aaudit/) { initial_offset "latest" }
      expect(found).to eq([[nil, nil], [nil, "60000"]])
    end

    it "are found as the user's settings say" do
      setup("allow.auto.create.topics": false, "topic.metadata.refresh.interval.ms": 7_000)
      topic(/\Aaudit/)
      expect(found).to eq([%w[false 7000]])
    end

    it "begin at their beginning, unless the routes say otherwise" do
      setup { |config| config.initial_offset = "latest" }
      topic(:a)
      topic(:b) { new_partitions "latest" }
      expect(engine.to_h[:groups].map { |group| group[:skip_new_partitions] }).to eq([false, true])
    end
  end

  it "sends heartbeats more often than librdkafka, where the broker does not decide it" do
    setup
    topic
    expect(kafka.first).to include("heartbeat.interval.ms" => "500")
    app.config.kafka[:"heartbeat.interval.ms"] = 2_000
    expect(kafka.first).to include("heartbeat.interval.ms" => "2000")
    app.config.kafka = { "bootstrap.servers": "127.0.0.1:9092", "group.protocol": "consumer" }
    expect(kafka.first).not_to include("heartbeat.interval.ms")
  end

  it "has librdkafka gather statistics where insights are required, and refuses to wait for them in vain" do
    setup("statistics.interval.ms": 0)
    topic { inline_insights(required: true) }
    expect(Karafka::App.routes.topics.last).to have_attributes(inline_insights?: true, insights_required?: true)
    expect { engine.to_h }.to be_refused(/"?statistics.interval.ms of orders.*at least 1.*required: true/)
    Karafka::App.config.kafka[:"statistics.interval.ms"] = 100
    expect(kafka.first["statistics.interval.ms"]).to eq("100")
    expect { topic(:b) { inline_insights(required: 1) } }.to be_refused(/topic b inline_insights required is 1/)
  end

  it "has librdkafka gather statistics only where somebody listens" do
    setup
    topic
    expect(kafka.first).not_to include("statistics.interval.ms")
    app.config.monitor.subscribe("statistics.emitted") { |_event| nil }
    expect(kafka.first).to include("statistics.interval.ms" => "5000")
  end

  it "starts where the routes say, else librdkafka's setting, else the configuration" do
    setup { |config| config.initial_offset = "latest" }
    topic
    expect(kafka.first["auto.offset.reset"]).to eq("latest")
    app.config.kafka[:"auto.offset.reset"] = "error"
    app.routes.clear
    topic(:a)
    topic(:b) { initial_offset "earliest" }
    expect(kafka.map { |settings| settings["auto.offset.reset"] }).to eq(%w[error earliest])
  end

  it "asks for end-of-partition events where a topic wants them" do
    setup
    topic { eofed true }
    expect(engine.to_h.dig(:groups, 0, :topics, 0, :eofed)).to be(true)
  end

  it "refuses to change connections faster than KIP-848 moves partitions" do
    setup("group.protocol": "consumer")
    klass = consumer_class
    app.routes.draw { subscription_group(:s, multiplexing: { max: 3, min: 1, scale_delay: 5_000 }) { topic(:a) { consumer klass } } }
    expect { kafka }.to be_refused(/scale_delay of a is 5000, but must be at least 10000 ms with "group.protocol": "consumer"/)
    app.routes.clear
    app.routes.draw { subscription_group(:s, multiplexing: { max: 3, min: 1, scale_delay: 10_000 }) { topic(:a) { consumer klass } } }
    expect(kafka.size).to eq(3)
  end

  it "has one client for each connection of a subscription group that is multiplexed" do
    setup
    klass = consumer_class
    app.routes.draw do
      subscription_group(:s) do
        multiplexing(max: 2)
        topic(:a) { consumer klass }
      end
      topic(:b) { consumer klass }
    end
    expect(engine.subscription_groups.map(&:id)).to eq(%w[app_0_0 app_0_1 app_1])
    expect([engine.topic(0, 0), engine.topic(1, 0), engine.topic(2, 0)].map(&:name)).to eq(%w[a a b])
    refuse = ->(message, **given) { expect { app.routes.draw { subscription_group(:s, multiplexing: given) } }.to be_refused(message) }
    refuse.call(/multiplexing max.*1 to 100/, max: 0)
    refuse.call(/multiplexing max is nil/, min: 1)
    refuse.call(/multiplexing min is 5, but must be an Integer from 1 to 4 \(max\)/, max: 4, min: 5)
    refuse.call(/multiplexing boot is 1, but must be an Integer from 2 to 4 \(min to max\)/, max: 4, min: 2, boot: 1)
    refuse.call(/multiplexing scale_delay is 60, but must be an Integer of at least 1000, in milliseconds/, max: 4, scale_delay: 60)
    refuse.call(/`subscription_group s multiplexing mx`/, mx: 2)
    expect { app.routes.draw { subscription_group(:s) { topic(:c) { consumer(klass) && assign(true) } } } }.to be_refused(/multiplexing/)
  end

  it "tells the engine between which numbers of connections it may choose" do
    setup
    klass = consumer_class
    app.routes.draw { subscription_group(:s, multiplexing: { max: 3, min: 1, scale_delay: 5_000 }) { topic(:a) { consumer klass } } }
    expect(engine.to_h[:groups].map { |group| group[:multiplexing] }).to eq(
      Array.new(3) { |place| { set: "app_0", place: place, min: 1, max: 3, boot: 1, delay_ms: 5_000 } }
    )
    expect(engine.subscription_groups.first.connections.to_s).to eq("1 to 3 connections, 1 at the start, a change each 5000 ms at most")
    app.routes.clear
    app.routes.draw { subscription_group(:s, multiplexing: { max: 4 }) { topic(:a) { consumer klass } } }
    expect(engine.to_h[:groups].map { |group| group[:multiplexing] }.uniq).to eq([nil])
  end

  it "refuses static members whose number changes: one that goes would stay in the group" do
    setup("group.instance.id": "pod-1")
    klass = consumer_class
    app.routes.draw { subscription_group(:s, multiplexing: { max: 3, min: 1 }) { topic(:a) { consumer klass } } }
    expect { kafka }.to be_refused(/"group.instance.id" does not go with multiplexing between 1 and 3 connections/)
  end

  it "gives topics that are assigned directly a client of their own" do
    setup
    topic(:all) { assign(true) }
    topic(:some) { assign(0, 3..4) }
    expect(engine.to_h[:groups].map { |group| group[:topics].map { |one| [one[:name], one[:assign]] } })
      .to eq([[["all", []], ["some", [0, 3, 4]]]])
    expect { topic(:shared) }.to be_refused(/topic all with `assign` beside topic shared.*consumer_group of their own/)
    [false, -1, "0", 1..].each { |given| expect { topic(:x) { assign(given) } }.to be_refused(/assign.*must be true/) }
    expect { topic(/\Ax/) { assign(0) } }.to be_refused(/assign.*pattern/)
  end

  it "has a limit for one batch: max.poll.interval.ms, unless the topic says otherwise" do
    setup("max.poll.interval.ms": 60_000)
    topic(:usual)
    topic(:short) { long_running_limit 5_000 }
    topic(:never) { long_running_limit false }
    topic(:job) { long_running_job true }
    limits = engine.to_h[:groups].flat_map { |group| group[:topics].map { |one| one[:long_running_limit_ms] } }
    expect(limits).to eq([60_000, 5_000, nil, nil])
    expect { topic(:x) { long_running_limit 0 } }.to be_refused(/long_running_limit.*at least 1/)
    expect { topic(:y) { long_running_job 5 } }.to be_refused(/long_running_job.*true or false/)
  end

  it "runs timers for idle only where the consumer has such a method" do
    setup { |config| config.idle_after = 700 }
    topic(:a)
    topic(:b, klass: consumer_class("IdleConsumer") { def idle = nil })
    expect(engine.to_h.dig(:groups, 0, :topics).map { |one| one[:idle_after_ms] }).to eq([nil, 700])
  end

  it "does not subscribe to a topic that is only to be created" do
    setup
    topic(:orders)
    app.routes.draw { topic(:dead) { config(partitions: 3) } }
    expect(engine.to_h[:groups].flat_map { |group| group[:topics].map { |one| one[:name] } }).to eq(%w[orders])
  end

  it "takes a max.poll.interval.ms below the revocation grace: the engine waits for at most half of it" do
    setup("max.poll.interval.ms": 6_000, "session.timeout.ms": 6_000)
    topic(:orders)
    expect(engine.to_h[:revocation_grace_ms]).to eq(30_000)
  end

  it "takes one message at a time where batch_fetching is off" do
    setup
    topic { batch_fetching false }
    expect(engine.to_h.dig(:groups, 0, :topics, 0, :max_messages)).to eq(1)
  end

  it "gives Kafka's names where mappers change them" do
    setup
    app.config.topic_mapper = Class.new { def incoming(name) = name.delete_prefix("eu."); def outgoing(name) = "eu.#{name}" }.new # rubocop:disable Style/Semicolon
    app.config.consumer_mapper = ->(name) { "shop_#{name}" }
    topic(:orders)
    group = engine.to_h[:groups].first
    expect([group[:id], group[:kafka]["group.id"], group[:topics].first[:name]]).to eq(%w[app_0 shop_app eu.orders])
  end

  it "refuses to start with nothing to consume" do
    setup
    expect { engine }.to be_refused(/nothing to consume.*routes\.draw/)
  end

  it "commits by interval, or only when it is asked" do
    topic
    [[{}, nil], [{ "enable.auto.commit": true }, nil], [{ "enable.auto.commit": false }, "0"], [{ "auto.commit.enable": "false" }, "0"],
     [{ "enable.auto.commit": "False", "auto.commit.interval.ms": 100 }, "0"],
     [{ "enable.partition.eof": true }, nil]].each do |given, interval|
      setup(**given)
      expect([given, kafka.first["auto.commit.interval.ms"]]).to eq([given, interval])
      expect(kafka.first.keys & %w[enable.auto.commit auto.commit.enable enable.partition.eof]).to eq([])
    end
  end

  it "sends heartbeats often enough for a short session" do
    topic
    { 45_000 => "500", 1_000 => "333", 2 => "1" }.each do |session, heartbeat|
      setup("session.timeout.ms": session)
      expect(kafka.first["heartbeat.interval.ms"]).to eq(heartbeat)
    end
  end
end

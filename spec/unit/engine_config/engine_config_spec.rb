# frozen_string_literal: true

require_relative "../../support/application"

RSpec.describe Karafka::EngineConfig do
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
      revocation_grace_ms: 5_000, stuck_report_ms: 60_000, max_queued_bytes: 268_435_456, throttles: [],
      groups: [{
        id: "app_0", recommit_interval_ms: 21_600_000, multiplexing: nil,
        kafka: {
          "bootstrap.servers" => "127.0.0.1:9092", "client.id" => "shop", "group.id" => "app", "auto.offset.reset" => "earliest",
          "session.timeout.ms" => "10000", "fetch.queue.backoff.ms" => "10", "queued.max.messages.kbytes" => "4096",
          "queued.min.messages" => "20000", "heartbeat.interval.ms" => "500"
        },
        topics: [
          { name: "orders", pattern: nil, max_messages: 100, max_bytes: 1_048_576, max_wait_time_ms: 20, eofed: false,
            pause_timeout_ms: 1_000, pause_max_timeout_ms: 30_000, pause_with_exponential_backoff: true, selection: plain,
            idle_after_ms: nil, long_running_limit_ms: 300_000, priority: 10, assign: nil, attempts_per_message: false, parallel: nil },
          { name: nil, pattern: "^audit\\.", max_messages: 100, max_bytes: 1_048_576, max_wait_time_ms: 0, eofed: false,
            pause_timeout_ms: 5, pause_max_timeout_ms: 30_000, pause_with_exponential_backoff: true, selection: plain,
            idle_after_ms: nil, long_running_limit_ms: 300_000, priority: 10, assign: nil, attempts_per_message: false, parallel: nil }
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

  it "lets the user's settings go before the engine's defaults" do
    setup("fetch.queue.backoff.ms": 99, "client.id": "mine", "statistics.interval.ms": 0)
    topic
    expect(kafka.first).to include("fetch.queue.backoff.ms" => "99", "client.id" => "mine", "statistics.interval.ms" => "0")
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

  it "gives several clients of one group different instance ids" do
    setup("group.instance.id": "pod-1")
    topic(:a)
    topic(:b) { initial_offset "latest" }
    expect(kafka.map { |settings| settings["group.instance.id"] }).to eq(%w[pod-1 pod-1_1])
  end

  it "fills in the instance id of this process, and tells a client's several connections apart" do
    setup("group.instance.id": "shop-%{hostname}-%{POD_NAME}") # rubocop:disable Style/FormatStringToken
    klass = consumer_class
    app.routes.draw { subscription_group(:s, multiplexing: { max: 3 }) { topic(:a) { consumer klass } } }
    expect { kafka }.to be_refused(/POD_NAME is not in the environment/)
    stub_const("ENV", ENV.to_h.merge("POD_NAME" => "pod-7"))
    id = "shop-#{Etc.uname.fetch(:nodename)}-pod-7"
    expect(kafka.map { |settings| settings["group.instance.id"] }).to eq([id, "#{id}_0_1", "#{id}_0_2"])
    stub_const("ENV", ENV.to_h.merge("POD_NAME" => "no spaces"))
    expect { kafka }.to be_refused(/"group.instance.id" .*must be 1 to 249 letters/)
    expect { setup("group.instance.id": "x-%{host}") }.to be_refused(/%{host} is none/) # rubocop:disable Style/FormatStringToken
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

  it "refuses a revocation grace that the group does not wait for" do
    expect { setup("max.poll.interval.ms": 6_000) { |config| config.revocation_grace = 6_000 } }.to be_refused(/revocation_grace.*6000/)
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

  it "refuses topics whose own kafka settings leave them without brokers" do
    setup
    topic { kafka("session.timeout.ms": 10_000) }
    expect { engine.to_h }.to be_refused(/orders have no "bootstrap.servers".*inherit: true/)
  end
end

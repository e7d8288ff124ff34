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

    plain = { delay_by_ms: 0, expire_after_ms: nil }
    expect(engine.to_h).to eq(
      revocation_grace_ms: 5_000,
      groups: [{
        id: "app_0",
        kafka: {
          "bootstrap.servers" => "127.0.0.1:9092", "client.id" => "shop", "group.id" => "app", "auto.offset.reset" => "earliest",
          "session.timeout.ms" => "10000", "fetch.queue.backoff.ms" => "10", "queued.max.messages.kbytes" => "4096",
          "queued.min.messages" => "20000"
        },
        topics: [
          { name: "orders", pattern: nil, max_messages: 100, max_bytes: 1_048_576, max_wait_time_ms: 20, eofed: false,
            pause_timeout_ms: 1_000, pause_max_timeout_ms: 30_000, pause_with_exponential_backoff: true, selection: plain },
          { name: nil, pattern: "^audit\\.", max_messages: 100, max_bytes: 1_048_576, max_wait_time_ms: 0, eofed: false,
            pause_timeout_ms: 5, pause_max_timeout_ms: 30_000, pause_with_exponential_backoff: true, selection: plain }
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
    expect(kafka.first["enable.partition.eof"]).to eq("true")
    expect(engine.to_h.dig(:groups, 0, :topics, 0, :eofed)).to be(true)
  end

  it "gives several clients of one group different instance ids" do
    setup("group.instance.id": "pod-1")
    topic(:a)
    topic(:b) { initial_offset "latest" }
    expect(kafka.map { |settings| settings["group.instance.id"] }).to eq(%w[pod-1 pod-1_1])
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

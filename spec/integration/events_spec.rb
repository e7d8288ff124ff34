# frozen_string_literal: true

require "spec_helper"
require "support/mock_cluster"

RSpec.describe "events of a server" do
  include MockCluster

  after do
    Karafka::Embedded.stop
    close_cluster
  end

  let(:seen) { Queue.new }

  def listen(*names)
    seen = self.seen
    names.each { |name| Karafka.monitor.subscribe(name) { |event| seen << [name, event.payload] } }
  end

  def names = drain(seen).map(&:first)

  it "say once a second that each group is polled, also when nothing comes" do
    broker.create_topic("orders", 1)
    application { topic(:orders) { consumer(Class.new(Karafka::BaseConsumer) { def consume = nil }) } }
    listen("connection.listener.fetch_loop", "connection.listener.fetch_loop.received")
    Karafka::Embedded.start
    wait_until("two rounds") { seen.size >= 4 }
    events = drain(seen)
    expect(events.map { |name, payload| [name, payload[:subscription_group].id, payload[:messages_buffer].empty?] }.uniq)
      .to contain_exactly(["connection.listener.fetch_loop", "app_0", true], ["connection.listener.fetch_loop.received", "app_0", true])
    # The machine may be busy; the target is one a second.
    expect(events.map { |_, payload| payload[:time] }).to all(be_between(1_000, 20_000))
    produce("orders", %w[1 2])
    found = []
    wait_until("the batch") do
      drain(seen).each { |_, payload| payload[:messages_buffer].each { |*parts, messages| found << [*parts, messages.size] } }
      found.sum(&:last) == 2
    end
    expect(found.map { |topic, partition, _| [topic, partition] }.uniq).to eq([["orders", 0]])
  end

  it "tell of a batch, its retry and its pause, of the states of the listeners, and of partitions that go at the stop" do
    broker.create_topic("orders", 1)
    tried = Queue.new
    consumer = consumer_class { (tried << 1).size == 1 && raise("no") }
    application { topic(:orders) { consumer(consumer) } }
    states = %w[pending starting running stopping stopped].map { |state| "connection.listener.#{state}" }
    listen(*states, "consumer.initialize", "consumer.before_schedule_consume", "client.pause", "consumer.consuming.pause",
           "consumer.consuming.retry", "client.resume", "rebalance.partitions_assign", "rebalance.partitions_assigned",
           "rebalance.partitions_revoke", "rebalance.partitions_revoked", "consumer.before_schedule_shutdown")
    Karafka::Embedded.start
    produce("orders", %w[1])
    wait_until("the second try") { tried.size == 2 }
    Karafka::Embedded.stop
    events = drain(seen)
    expect(events.map(&:first) & states).to eq(states)
    of_batch = %w[consumer.initialize consumer.before_schedule_consume client.pause consumer.consuming.pause consumer.consuming.retry
                  client.resume consumer.before_schedule_consume consumer.before_schedule_shutdown]
    expect(events.map(&:first).select { |name| of_batch.include?(name) }).to eq(of_batch)
    pause = events.find { |name, _| name == "consumer.consuming.pause" }.last
    expect(pause).to include(manual: false, timeout: 50, attempt: 1, offset: 0, topic: "orders", partition: 0)
    moves = events.select { |name, _| name.start_with?("rebalance.") }
    expect(moves.map(&:first)).to eq(%w[assign assigned revoke revoked].map { |move| "rebalance.partitions_#{move}" })
    expect(moves.map { |_, payload| [payload[:tpl], payload[:consumer_group].id, payload[:client_id]] }.uniq)
      .to eq([[{ "orders" => [0] }, "app", "karafka"]])
  end

  it "tell of a topic that is missing once it lasts, again after twice the time, and it is consumed when it is made" do
    got = Queue.new
    consumer = consumer_class { got << messages.size }
    application { topic(:orders) { consumer(consumer) } }
    Karafka::App.setup do |config|
      config.kafka[:"allow.auto.create.topics"] = false
      config.kafka[:"topic.metadata.refresh.interval.ms"] = 200
      config.missing_topic_error_after = 1_000
    end
    listen("error.occurred")
    started = Process.clock_gettime(Process::CLOCK_MONOTONIC)
    Karafka::Embedded.start
    wait_until("the line") { log.string.match?(/WARN.*the topic "orders" does not exist. Compare the name with `karafka routes`/) }
    expect(seen).to be_empty
    wait_until("two errors") { seen.size == 2 }
    expect(Process.clock_gettime(Process::CLOCK_MONOTONIC) - started).to be > 2
    expect(drain(seen).map { |_, event| [event[:type], event[:error].code, event[:error].topic] }.uniq)
      .to eq([["connection.client.poll.error", :unknown_topic_or_part, "orders"]])
    expect(Karafka::Server.state[:groups].first[:missing]).to eq(["orders"])
    broker.create_topic("orders", 1)
    produce("orders", %w[1])
    wait_until("its message") { got.size == 1 }
  end

  it "have the statistics before the first batch where they are required" do
    broker.create_topic("orders", 1)
    produce("orders", %w[1 2])
    seen = self.seen
    consumer = consumer_class { seen << [insights?, attempt, messages.size] }
    application do
      topic(:orders) do
        consumer(consumer)
        inline_insights(required: true)
      end
    end
    Karafka::App.config.kafka[:"statistics.interval.ms"] = 1_000
    Karafka::Embedded.start
    wait_until("the batch") { seen.size == 1 }
    expect(seen.pop).to eq([true, 1, 2])
  end

  it "have the lag in the statistics, and in a consumer's insights" do
    broker.create_topic("orders", 1)
    produce("orders", %w[1 2 3])
    seen = self.seen
    consumer = consumer_class { seen << [insights?, insights["committed_offset"]] }
    application do
      topic(:orders) do
        consumer(consumer)
        inline_insights true
      end
    end
    Karafka::App.config.kafka[:"statistics.interval.ms"] = 100
    statistics = Queue.new
    Karafka.monitor.subscribe("statistics.emitted") do |event|
      row = event[:statistics].dig("topics", "orders", "partitions", "0")
      statistics << row&.slice("committed_offset", "stored_offset", "consumer_lag")
    end
    Karafka::Embedded.start
    wait_until("the lag") { drain(statistics).include?({ "committed_offset" => 3, "stored_offset" => 3, "consumer_lag" => 0 }) }
    drain(seen)
    produce("orders", %w[4])
    wait_until("the fourth") { seen.size == 1 }
    expect(seen.pop).to eq([true, 3])
  end
end

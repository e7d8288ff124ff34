# frozen_string_literal: true

RSpec.describe Karafka::Engine::EventPump do
  subject(:pump) { described_class.new(nil) }

  let(:log) { StringIO.new }

  before { Karafka::App.config.logger = Logger.new(log) }

  def capture(name)
    seen = []
    Karafka.monitor.subscribe(name) { |event| seen << event }
    seen
  end

  it "turns assignments and revocations into events" do
    assigned = capture("rebalance.partitions_assigned")
    revoked = capture("rebalance.partitions_revoked")
    partitions = [["orders", 0], ["orders", 1], ["other", 0]]
    pump.handle(type: :assigned, group: "app_0", generation: 3, partitions: partitions)
    pump.handle(type: :revoked, group: "app_0", generation: 3, partitions: partitions, lost: true)
    expect(assigned.first[:tpl]).to eq("orders" => [0, 1], "other" => [0])
    expect([assigned.first[:subscription_group_id], assigned.first[:generation], revoked.first[:lost]]).to eq(["app_0", 3, true])
  end

  it "turns errors into error.occurred with librdkafka's code" do
    seen = capture("error.occurred")
    pump.handle(type: :error, group: "app_0", code: :topic_authorization_failed, message: "no", fatal: false, topic: "orders",
                partition: nil)
    expect(seen.first[:type]).to eq("librdkafka.error")
    expect([seen.first[:error].code, seen.first[:error].topic]).to eq([:topic_authorization_failed, "orders"])
  end

  it "logs an error that nobody subscribed to" do
    pump.handle(type: :error, group: "app_0", code: :all_brokers_down, message: "1/1 brokers are down", fatal: false)
    expect(log.string).to match(%r{librdkafka.error: Karafka::Errors::KafkaError: 1/1 brokers are down: no broker can be reached})
  end

  it "reports refused commits, abandoned batches and dropped events" do
    seen = capture("error.occurred")
    pump.handle(type: :committed, group: "app_0", offsets: [["orders", 0, 5]], error: :rebalance_in_progress)
    pump.handle(type: :abandoned, topic: "orders", partition: 0, offset: 5)
    pump.handle(type: :dropped_events, count: 3)
    expect(seen.map { |event| event[:error].message }).to contain_exactly(%r{orders/0@5 was refused}, /never settled.*from offset 5/)
    expect(log.string).to match(/3 events of the engine were dropped/)
  end

  it "passes on commits and statistics where somebody listens, and the log" do
    committed = capture("offsets.committed")
    statistics = capture("statistics.emitted")
    pump.handle(type: :committed, group: "app_0", offsets: [["orders", 0, 5]], error: nil)
    pump.handle(type: :statistics, group: "app_0", json: '{"txmsgs":1}')
    pump.handle(type: :log, level: "warn", target: "engine", message: "hm")
    expect([committed.first[:offsets], statistics.first[:statistics]]).to eq([[["orders", 0, 5]], { "txmsgs" => 1 }])
    expect(log.string).to match(/WARN -- : engine: hm/)
  end

  it "does not parse statistics that nobody wants" do
    expect { pump.handle(type: :statistics, group: "app_0", json: "broken") }.not_to raise_error
  end

  it "goes on after a subscriber raised" do
    Karafka.monitor.subscribe("rebalance.partitions_assigned") { raise "no" }
    expect { pump.handle(type: :assigned, group: "app_0", generation: 1, partitions: []) }.not_to raise_error
    expect(log.string).to match(/raised RuntimeError: no/)
  end
end

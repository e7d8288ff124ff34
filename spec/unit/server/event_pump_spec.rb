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

  it "takes it for no error that no topic matches a pattern yet" do
    seen = capture("error.occurred")
    pump.handle(type: :error, group: "app_0", code: :unknown_topic_or_part, fatal: false,
                message: "Subscribed topic not available: ^audit: Broker: Unknown topic or partition")
    expect(seen).to be_empty
    expect(log.string).to match(/INFO.*not available: \^audit/)
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

  it "says that a partition went back, from where to where" do
    seen = capture("error.occurred")
    pump.handle(type: :went_back, group: "app_0", topic: "orders", partition: 0, offset: 4, committed: 10)
    expect(seen.first[:type]).to eq("connection.offset_went_back.error")
    expect([seen.first[:error].message, seen.first[:offset], seen.first[:committed]]).to match([%r{orders/0 goes on from offset 4}, 4, 10])
  end

  it "passes on commits and statistics where somebody listens, and the log" do
    committed = capture("offsets.committed")
    statistics = capture("statistics.emitted")
    pump.handle(type: :committed, group: "app_0", offsets: [["orders", 0, 5]], error: nil)
    pump.handle(type: :statistics, group: "app_0", json: '{"txmsgs":1}')
    pump.handle(type: :log, level: "warn", target: "engine", message: "hm")
    pump.handle(type: :statistics, group: "app_1", json: '{"txmsgs":9}')
    pump.handle(type: :statistics, group: "app_0", json: '{"txmsgs":4}')
    expect(statistics.map { |event| event[:statistics]["txmsgs_d"] }).to eq([0, 0, 3])
    expect(committed.first[:offsets]).to eq([["orders", 0, 5]])
    expect(statistics.first[:statistics]).to eq({ "txmsgs" => 1, "txmsgs_d" => 0, "txmsgs_fd" => 0 })
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

  it "says where the code of a batch is that takes long" do
    worker = instance_double(Karafka::Worker, works_on?: true, thread: Thread.current)
    pump = described_class.new(nil, [], [worker])
    seen = capture("worker.stuck")
    pump.handle(type: :stuck, group: "app_0", topic: "orders", partition: 3, assignment_id: 7, kind: :consume, age_ms: 61_000)
    expect(log.string).to match(%r{WARN -- : consume of orders/3 takes 61000 ms so far\n  .*stuck_report\.rb}m)
    expect(seen.first.payload).to include(caller: worker, topic: "orders", partition: 3, kind: :consume, time: 61_000)
    expect(seen.first[:backtrace]).to include(/event_pump_spec/)
  end

  it "says that the process left its group, and came back" do
    seen = capture("error.occurred")
    pump.handle(type: :left, group: "app_0", topic: "orders", partition: 3, age_ms: 301_000)
    expect([seen.first[:type], seen.first[:error].message])
      .to match(["connection.listener.stuck.error", %r{\Aorders/3 is being processed for 301000 ms.*leaves the group app_0}])
    pump.handle(type: :returned, group: "app_0")
    expect(log.string).to match(/\[app_0\].*back in the group/)
  end
end

# frozen_string_literal: true

require "support/wait"

RSpec.describe Karafka::Engine::EventPump do
  include Wait

  subject(:pump) { described_class.new(nil) }

  let(:log) { StringIO.new }

  before { Karafka::App.config.logger = Logger.new(log) }

  def capture(name)
    seen = []
    Karafka.monitor.subscribe(name) { |event| seen << event }
    seen
  end

  it "goes on in another thread where a subscriber ends it, with the next event" do
    turns = [[1, 2, 3].map { |id| { type: :reset, group: "app_#{id}" } }, nil]
    engine = double(events: nil)
    allow(engine).to receive(:events) { turns.shift }
    seen = []
    Karafka.monitor.subscribe("client.reset") { |event| (seen << event[:subscription_group_id]) && seen.size == 2 && Thread.exit }
    running = described_class.new(engine).start
    expect(running.join(10)).to be(true)
    expect(seen).to eq(%w[app_1 app_2 app_3])
    wait_until("the line of the ended thread") { log.string.include?("a subscriber has ended the thread of events; another one goes on") }
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
    pump.handle(type: :error, group: "app_0", code: :transport, message: "no", fatal: false, topic: nil, partition: nil)
    expect([seen.first[:type], seen.first[:error].code]).to eq(["librdkafka.error", :transport])
  end

  it "tells what is about a topic or a group, and not about brokers, as an error of polling, and names the topic" do
    seen = capture("error.occurred")
    %i[topic_authorization_failed group_authorization_failed inconsistent_group_protocol auto_offset_reset fenced_instance_id
       unreleased_instance_id].each do |code|
      text = "Subscribed topic not available: orders: Broker: no"
      pump.handle(type: :error, group: "app_0", code: code, message: text, fatal: code == :fenced_instance_id, topic: nil, partition: nil)
      expect([seen.last[:type], seen.last[:error].code, seen.last[:error].topic]).to eq(["connection.client.poll.error", code, "orders"])
    end
  end

  it "says in the log that brokers are back" do
    pump.handle(type: :error, group: "app_0", code: :transport, message: "no", fatal: false)
    pump.handle(type: :assigned, group: "app_0", generation: 1, partitions: [])
    expect(log.string).to match(/WARN -- : \[app_0\] brokers are reached again after 0/)
  end

  it "logs an error that nobody subscribed to" do
    pump.handle(type: :error, group: "app_0", code: :all_brokers_down, message: "0/1 brokers are down", fatal: false)
    expect(log.string).to match(/librdkafka.error: Karafka::Errors::KafkaError: all brokers are down: no broker can be reached/)
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

  it "says that a topic was made again, with both ids where there are any" do
    seen = capture("error.occurred")
    pump.handle(type: :recreated, group: "app_0", topic: "orders", partitions: [0, 2], old_id: "a", new_id: "b",
                on_recreated: :beginning)
    pump.handle(type: :recreated, group: "app_0", topic: "orders", partitions: [1], old_id: nil, new_id: nil, on_recreated: :end)
    expect(seen.map { |event| event[:type] }).to eq(["connection.topic_recreated.error"] * 2)
    expect(seen.first.payload).to include(topic: "orders", partitions: [0, 2], old_id: "a", new_id: "b")
    expect(seen.map { |event| event[:error].message })
      .to match([/orders was deleted and made again \(topic id a, now b\)\. Its partitions 0, 2 are read from their beginning/,
                 /made again\. Its partitions 1 are read from their end, as `on_topic_recreated` says/])
  end

  it "says that a client has been replaced" do
    seen = capture("client.reset")
    pump.handle(type: :reset, group: "app_0")
    expect(seen.first.payload).to include(:subscription_group, subscription_group_id: "app_0", client_id: "karafka")
  end

  it "counts the messages that were deleted before they were read" do
    seen = capture("error.occurred")
    pump.handle(type: :overtaken, group: "app_0", topic: "orders", partition: 3, from: 10, to: 54)
    expect(seen.first.payload).to include(type: "connection.messages_lost.error", topic: "orders", partition: 3, first_offset: 10,
                                          last_offset: 53, count: 44)
    expect(seen.first[:error].message).to match(%r{orders/3: the messages from offset 10 to 53 \(44 offsets\) were deleted})
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

  it "says once a second that the thread that polls comes round" do
    seen = capture("connection.listener.fetch_loop")
    received = capture("connection.listener.fetch_loop.received")
    pump.handle(type: :polled, group: "app_0", time_ms: 1_001.5)
    expect(seen.map { |event| event[:time] } + received.map { |event| event[:time] }).to eq([1_001.5] * 2)
    buffer = received.first[:messages_buffer]
    expect([buffer.empty?, buffer.size, buffer.each.to_a]).to eq([true, 0, []])
  end

  it "tells of partitions that are about to come and to go" do
    seen = %w[assign revoke].to_h { |name| [name, capture("rebalance.partitions_#{name}")] }
    pump.handle(type: :assigning, group: "app_0", partitions: [["orders", 1]])
    pump.handle(type: :revoking, group: "app_0", partitions: [["orders", 1]], lost: false)
    expect(seen.values.map { |events| events.first[:tpl] }).to eq([{ "orders" => [1] }] * 2)
    expect([seen["revoke"].first[:lost], seen["revoke"].first[:client_id]]).to eq([false, "karafka"])
  end

  it "fills in what librdkafka does not know: what is stored and committed, and the lag" do
    seen = capture("statistics.emitted")
    unknown = { "stored_offset" => -1001, "committed_offset" => -1001, "consumer_lag" => -1, "consumer_lag_stored" => -1 }
    of = ->(**more) { { **unknown, "next_offset" => 60, "ls_offset" => 100, "hi_offset" => 120, **more.transform_keys(&:to_s) } }
    partitions = { "0" => of[], "1" => of[ls_offset: -1001], "2" => of[next_offset: -1001], "3" => of[], "4" => of[] }
    json = JSON.generate("topics" => { "orders" => { "partitions" => partitions } })
    offsets = [["orders", 0, 50, 40, 50], ["orders", 1, 50, -1, 50], ["orders", 2, -1, -1, -1],
               ["orders", 3, -1, -1, 10], ["gone", 0, 1, 1, 1]]
    pump.handle(type: :statistics, group: "app_0", json: json, offsets: offsets)
    rows = seen.first[:statistics].dig("topics", "orders", "partitions").transform_values { |row| row.values_at(*unknown.keys) }
    expect(rows).to eq("0" => [50, 40, 60, 50], "1" => [50, -1001, 70, 70], "2" => unknown.values, "3" => [-1001, -1001, 90, 90],
                       "4" => unknown.values)
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
      .to match(["connection.client.poll.error", %r{\Aorders/3 is being processed for 301000 ms.*leaves the group app_0}])
    expect(seen.first[:error].code).to eq(:max_poll_exceeded)
    pump.handle(type: :returned, group: "app_0")
    expect(log.string).to match(/\[app_0\].*back in the group/)
  end
end

# frozen_string_literal: true

require_relative "../spec_helper"
require_relative "../support/scripted_load"
require_relative "../support/server_process"

# At quiet moments each metric is exactly what the script knows.
RSpec.describe "metrics and the truth", deadline: 300 do
  include ScriptedLoad

  after do
    @server&.close
    stop_application
  end

  let(:dead) { cluster.create_topic }
  let(:failing) { ->(message, ledger) { message.offset % 9 == 4 && ledger.first?(message.offset, limit: 2) } }

  def numbered(topic, count = 50, **rest)
    Array.new(count) { |index| { topic: topic, payload: index.to_s, **rest } }
  end

  def send_all(messages)
    producer.produce_many_sync(messages)
    messages
  end

  it "count messages, bytes, batches and what was sent, with keys, headers and tombstones" do
    topic = script(partitions: 2) { |_| nil }
    start_scripts
    messages = Array.new(40) do |index|
      { topic: topic, partition: index % 2, payload: ("x" * index unless (index % 5).zero?), key: ("k#{index}" if index.even?),
        headers: (index % 3).zero? ? { "tenant" => "t#{index}", "empty" => "" } : {} }
    end
    send_all(messages)
    quiet(topic)
    expect_truth(topic, fetched: 40, consumed: 40, bytes: bytes(messages))
    without_headers = bytes(messages, headers: false)
    expect(of_topic("karafka_fetched_bytes_total", topic)).to eq(without_headers)
    expect_produced(topic, 40, bytes: without_headers)
    expect_nothing_left(topic, assigned: 2)
  end

  # Twice at some messages; what was done before is marked, or not.
  { "marked" => true, "not marked" => false }.each do |how, marks|
    it "count retries, where what came before is #{how}" do
      failing = self.failing
      topic = script do |ledger|
        messages.each do |message|
          raise "on purpose" if failing.call(message, ledger)

          mark_as_consumed(message) if marks
        end
      end
      start_scripts
      messages = send_all(numbered(topic))
      quiet(topic)
      expect_truth(topic, fetched: 50, consumed: 50, retried: ledger.again(topic), bytes: bytes(messages))
      expect(ledger.errors.keys).to eq(["consumer.consume.error"])
    end
  end

  it "count a message that comes again from before the failed batch as consumed twice" do
    topic = script(manual_offset_management: true) do |ledger|
      raise "on purpose" if messages.any? { |message| message.offset % 20 == 17 && ledger.first?(message.offset) }

      ledger.processed(topic, messages.size)
      mark_as_consumed(messages.last) if messages.any? { |message| message.offset % 20 == 19 } || messages.last.offset == 49
    end
    start_scripts
    send_all(numbered(topic))
    quiet(topic)
    consumed = ledger.processed(topic)
    expect(consumed).to be > 50
    expect_truth(topic, consumed: consumed, retried: ledger.handed_out(topic) - consumed)
  end

  it "count one message at a time as the batch it came in" do
    failing = self.failing
    topic = script(batch_consuming: false) { |ledger| raise "on purpose" if failing.call(params, ledger) }
    start_scripts
    send_all(numbered(topic))
    quiet(topic)
    expect_truth(topic, fetched: 50, consumed: 50, retried: ledger.again(topic))
  end

  # After a retry alone; at once, from the middle of a batch.
  { 1 => false, 0 => true }.each do |max_retries, marks|
    it "count dead letters after #{max_retries} retries as such, and not as consumed" do
      topic = script(dead_letter_queue: { topic: dead, max_retries: max_retries }) do |_|
        messages.each do |message|
          raise "on purpose" if message.offset % 9 == 4

          mark_as_consumed(message) if marks
        end
      end
      start_scripts
      messages = send_all(numbered(topic))
      quiet(topic)
      gone = messages.values_at(4, 13, 22, 31, 40, 49)
      expect_truth(topic, fetched: 50, consumed: 44, retried: ledger.again(topic), dead: 6, bytes: bytes(messages) - bytes(gone))
      expect_produced(dead, 6)
    end
  end

  it "count what is rejected, skipped and asked for later" do
    topic = script(dead_letter_queue: { topic: dead }) do |_|
      messages.each do |message|
        raise Karafka::Reject.new("why", message: message) if message.offset % 10 == 3
        raise Karafka::Skip.new("why", message: message) if message.offset % 10 == 6
        raise Karafka::RetryLater.new("why", in: 10) if message.offset == 8 && attempt == 1
      end
    end
    start_scripts
    send_all(numbered(topic))
    quiet(topic)
    expect_truth(topic, fetched: 50, consumed: 40, retried: ledger.again(topic), dead: 5, skipped: 5)
    expect(ledger.errors).to be_empty
  end

  it "count what cannot be decoded" do
    topic = script(on_deserialization_error: :skip) { |_| messages.payloads }
    start_scripts
    send_all(Array.new(50) { |index| { topic: topic, payload: index % 10 == 3 ? "{" : "1" } })
    quiet(topic)
    expect_truth(topic, fetched: 50, consumed: 45, retried: ledger.again(topic), skipped: 5)
  end

  it "count what moves to retry topics where it leaves, and what becomes of it where it arrives" do
    name = "t-#{SecureRandom.hex(6)}"
    stage = cluster.create_topic("#{name}.retry.1")
    topic = script(name, dead_letter_queue: { topic: dead }, retry_topics: { delays: [100] }) do |_|
      messages.each { |message| raise "on purpose" if message.raw_payload.to_i % 10 == 3 }
    end
    start_scripts
    send_all(numbered(topic))
    quiet(topic)
    wait_until("all to get to the next stage") { ledger.different(stage) == 5 }
    quiet(topic, stage)
    expect_truth(topic, fetched: 50, consumed: 45, retried: ledger.again(topic), moved: 5)
    expect_truth(stage, fetched: 5, retried: ledger.again(stage), dead: 5)
    expect_produced(stage, 5)
    expect_produced(dead, 5)
  end

  it "count what `only` and `expire_after` leave out" do
    topic = script(only: { json: { "type" => "a" } }, expire_after: 60_000) { |_| nil }
    start_scripts
    send_all(Array.new(60) do |index|
      { topic: topic, payload: index.even? ? '{"type":"a"}' : '{"type":"b"}', timestamp: (index % 3).zero? ? Time.now - 3_600 : Time.now }
    end)
    quiet(topic)
    expect_truth(topic, fetched: 60, consumed: 20, filtered: 30, expired: 10)
  end

  it "count the same with several batches of a partition at once" do
    failing = self.failing
    topic = script(parallel: { by: :key, limit: 3 }, dead_letter_queue: { topic: dead, max_retries: 3 }) do |ledger|
      messages.each do |message|
        raise "on purpose" if failing.call(message, ledger) || message.offset % 20 == 11

        mark_as_consumed(message)
      end
    end
    start_scripts
    messages = send_all(Array.new(50) { |index| { topic: topic, payload: index.to_s, key: "k#{index % 6}" } })
    quiet(topic)
    gone = messages.values_at(11, 31)
    expect_truth(topic, fetched: 50, consumed: 48, retried: ledger.again(topic), dead: 2, bytes: bytes(messages) - bytes(gone))
  end

  it "count what is before the position of a pause or a seek as consumed, and the rest when it has come again" do
    topic = script do |ledger|
      at = messages.find { |message| message.offset % 11 == 5 && ledger.first?(message.offset) }
      next unless at

      at.offset == 5 ? seek(at.offset) : pause(at.offset, 20)
    end
    start_scripts
    send_all(numbered(topic))
    quiet(topic)
    expect(ledger.again(topic)).to be > 0
    expect_truth(topic, consumed: 50)
  end

  it "count what a seek goes back to again" do
    topic = script { |ledger| seek(0) if messages.last.offset == 49 && ledger.first?(:seek) }
    start_scripts
    send_all(numbered(topic))
    wait_until("all to come again") { ledger.again(topic) == 50 }
    quiet(topic)
    expect_truth(topic, fetched: 100, consumed: 100)
  end

  it "count what transactions consume, and what they send, also where they are aborted" do
    out = cluster.create_topic
    topic = script(exactly_once: true) do |ledger|
      sent = messages.map { |message| produce_async(topic: out, payload: message.raw_payload) }
      next unless messages.any? { |message| message.offset % 20 == 7 && ledger.first?(message.offset) }

      # So that each of them is with the broker.
      sent.each(&:wait)
      raise "on purpose"
    end
    start_scripts
    send_all(numbered(topic))
    quiet(topic)
    expect_truth(topic, fetched: 50, consumed: 50, retried: ledger.again(topic))
    expect_produced(out, ledger.handed_out(topic))
  end

  it "count what could not be sent" do
    topic = script { |_| nil }
    small = cluster.create_topic(config: { "max.message.bytes" => 1_000 })
    start_scripts
    send_all(numbered(topic))
    sizes = [10, 5_000, 20, 5_000, 5_000]
    handles = sizes.map { |size| producer.produce_async(topic: small, payload: "x" * size) }
    handles.each { |handle| handle.wait(raise_response_error: false) }
    quiet(topic)
    expect_truth(topic, fetched: 50, consumed: 50)
    wait_until("the reports") { sample("karafka_produce_failures_total", topic: small) == 3 }
    expect_produced(small, 2, bytes: 30, failures: 3)
  end

  it "show what is out, who is paused and how far behind, while that lasts" do
    gate = Queue.new
    topic = script(partitions: 2) { |_| gate.pop }
    start_scripts
    send_all(numbered(topic, 3, partition: 0))
    wait_until("a batch that is out") { sample("karafka_workers", state: "busy") == 1 }
    handed_out = ledger.handed_out(topic)
    expect(of_topic("karafka_leases", topic)).to eq(1)
    expect(of_topic("karafka_oldest_lease_seconds", topic)).to be > 0
    Karafka::Server.pause(topic: topic)
    send_all(numbered(topic, 5, partition: 1))
    wait_until("the lag of both") { of_topic("karafka_topic_lag_messages", topic) == 8 }
    expect(sample("karafka_paused_partitions", group: group, topic: topic, reason: "operator")).to eq(2)
    expect([0, 1].map { |partition| of_partition("karafka_lag_messages", topic, partition) }).to eq([3, 5])
    expect(of_partition("karafka_high_watermark_offset", topic, 1)).to eq(5)
    expect(of_topic("karafka_topic_lag_seconds", topic)).to be > 0
    gate.close
    wait_until("the end of the batch") { of_topic("karafka_topic_lag_messages", topic) == 8 - handed_out }
    Karafka::Server.resume(topic: topic)
    quiet(topic)
    expect_truth(topic, fetched: 8, consumed: 8)
    expect_nothing_left(topic, assigned: 2)
  end

  it "count rebalances, and in each process what it has consumed" do
    changes = Hash.new(0)
    topic = script(partitions: 4) { |_| nil }
    start_scripts do
      Karafka.monitor.subscribe("rebalance.partitions_assigned") { |_| changes["assigned"] += 1 }
      Karafka.monitor.subscribe("rebalance.partitions_revoked") { |event| changes[event[:lost] ? "lost" : "revoked"] += 1 }
    end
    spread = ->(count) { Array.new(count) { |index| { topic: topic, partition: index % 4, payload: index.to_s } } }
    send_all(spread.call(40))
    quiet(topic)
    url = start_member(topic)
    wait_until("a share for each") { of_topic("karafka_assigned_partitions", topic) == 2 && shown(url, "assigned_partitions", topic) == 2 }
    send_all(spread.call(40))
    quiet_group(topic)
    own = of_topic("karafka_consumed_messages_total", topic)
    others = @server.output.sum(&:to_i)
    expect([own, others]).to eq([ledger.different(topic), 80 - own])
    wait_until("its count") { shown(url, "consumed_messages_total", topic) == others }
    @server.signal(:TERM)
    expect(@server.wait).to eq(0)
    wait_until("all partitions again") { of_topic("karafka_assigned_partitions", topic) == 4 }
    send_all(spread.call(40))
    quiet(topic)
    expect_truth(topic, consumed: own + 40)
    counted = %w[assigned revoked lost over_limit stopping].to_h do |cause|
      [cause, sample("karafka_rebalances_total", group: group, cause: cause)]
    end
    expect(counted).to eq({ "lost" => 0, "over_limit" => 0, "stopping" => 0 }.merge(changes))
    expect(changes).to match("assigned" => be >= 3, "revoked" => be >= 2)
    expect(sample("karafka_rebalance_seconds_count", group: group)).to eq(changes.values.sum)
  end

  it "are all looked at here: each counter and histogram of the catalogue" do
    text = File.read(__FILE__) + File.read(File.expand_path("../support/scripted_load.rb", __dir__))
    counted = JSON.parse(File.read(File.expand_path("../../docs/metrics.json", __dir__))).reject { |metric| metric["type"] == "gauge" }
    # All but karafka_spans_total, which integration/tracing_spec compares with what a collector got.
    expect(counted.map { |metric| metric["name"] }.reject { |name| text.include?(name) }).to be_empty
  end
end

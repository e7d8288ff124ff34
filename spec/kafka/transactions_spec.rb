# frozen_string_literal: true

require_relative "../spec_helper"
require_relative "../support/real_kafka"

RSpec.describe "transactions on real Kafka", deadline: 300 do
  include RealKafka

  after do
    transactional.each(&:close)
    stop_application
  end

  let(:transactional) { [] }

  def in_transactions(id = "spec-#{SecureRandom.hex(6)}", **kafka)
    made = WaterDrop::Producer.new do |config|
      config.kafka = { "bootstrap.servers": cluster.bootstrap_servers, "transactional.id": id, log_level: 0, **kafka }
      config.logger = Logger.new(File::NULL)
    end
    transactional << made
    made
  end

  def take(queue, count)
    wait_until("#{count} messages") { queue.size >= count }
    drain(queue)
  end

  it "shows what is committed to a reader of committed messages, and nothing else" do
    topic = cluster.create_topic
    seen = Queue.new
    consume(topic) { messages.each { |message| seen << message.raw_payload } }
    made = in_transactions
    made.produce_sync(topic: topic, payload: "alone")
    made.transaction do
      made.produce_sync(topic: topic, payload: "aborted")
      raise WaterDrop::AbortTransaction
    end
    made.transaction { 2.times { |index| made.produce_async(topic: topic, payload: "both #{index}") } }
    expect(take(seen, 3)).to eq(["alone", "both 0", "both 1"])
  end

  it "fences the older one of two producers with the same id, which then says so for ever" do
    topic = cluster.create_topic
    id = "spec-#{SecureRandom.hex(6)}"
    older = in_transactions(id)
    older.produce_sync(topic: topic, payload: "older")
    expect do
      older.transaction do
        older.produce_sync(topic: topic, payload: "never seen")
        in_transactions(id).produce_sync(topic: topic, payload: "newer")
      end
    end.to raise_error(WaterDrop::Errors::TransactionError, /has taken over/) { |error| expect(error).to be_fenced }
    expect { older.produce_async(topic: topic, payload: "x") }.to raise_error(WaterDrop::Errors::TransactionError, /has taken over/)
    seen = Queue.new
    consume(topic) { messages.each { |message| seen << message.raw_payload } }
    expect(take(seen, 2)).to eq(%w[older newer])
  end

  it "commits what a consumer produces and marks both or neither" do
    source = cluster.create_topic
    target = cluster.create_topic
    producer.produce_many_sync(Array.new(4) { |index| { topic: source, payload: index.to_s } })
    attempts = Queue.new
    offsets = Queue.new
    consume(source, settings: { manual_offset_management: true, max_messages: 4, max_wait_time: 10_000 }) do
      attempts << attempt
      transaction do
        produce_async(topic: target, payload: "#{attempt}: #{messages.map(&:raw_payload).join}")
        mark_as_consumed(messages.last)
        offsets << seek_offset
        raise "by accident" if attempt == 1
      end
      offsets << seek_offset
    end
    wait_until("the commit") { committed(source) == 4 }
    expect([take(attempts, 2), take(offsets, 3)]).to eq([[1, 2], [0, 0, 4]])
    Karafka::Embedded.stop
    Karafka::App.reset!
    @group = nil
    seen = Queue.new
    consume(target) { messages.each { |message| seen << message.raw_payload } }
    expect(take(seen, 1)).to eq(["2: 0123"])
  end

  it "does each message once with exactly_once, while members are killed" do
    script = File.expand_path("../../verify/exactly_once.rb", __dir__)
    env = { "KARAFKA_TEST_BROKERS" => cluster.bootstrap_servers }
    output = IO.popen([env, script, "--messages", "5000", "--kills", "3", { err: %i[child out] }], &:read)
    expect(output).to end_with("\nexactly once\n"), output
  end
end

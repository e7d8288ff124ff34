# frozen_string_literal: true

require_relative "../spec_helper"
require_relative "../support/real_kafka"

RSpec.describe "a broker that is killed and comes back", deadline: 400 do
  include RealKafka

  before { skip("its nodes can't be killed from here") if ENV.key?("KARAFKA_TEST_BROKERS") }

  after do
    stop_application
    @own&.down
  end

  it "costs no message, and the errors say what to look at" do
    @own = @cluster = KafkaCluster.new("spec-loss").up(heap: "256m", properties: { "broker.session.timeout.ms" => 3_000 })
    topic = cluster.create_topic
    seen = Queue.new
    errors = Queue.new
    Karafka.monitor.subscribe("error.occurred") { |event| errors << event[:error] }
    consume(topic) { messages.each { |message| seen << message.raw_payload } }
    producer.produce_sync(topic: topic, payload: "before")
    expect(wait_until("the first message") { seen.size.positive? && seen.pop }).to eq("before")

    cluster.kill_node(1)
    reports = []
    wait_until("a report of the broker") do
      reports << errors.pop until errors.empty?
      reports.any? { |error| error.message.include?("broker") }
    end
    expect(reports).to all(be_a(Karafka::Errors::KafkaError))
    handles = Array.new(5) { |index| producer.produce_async(topic: topic, payload: "during #{index}") }
    cluster.start_node(1)

    handles.each { |handle| handle.wait(max_wait_timeout_ms: 180_000) }
    got = []
    wait_until("the messages sent meanwhile") do
      got << seen.pop until seen.empty?
      got.uniq.size == 5
    end
    expect(got).to eq(Array.new(5) { |index| "during #{index}" })
    expect { wait_until("the commit") { committed(topic) == 6 } }.not_to raise_error
  end
end

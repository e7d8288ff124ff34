# frozen_string_literal: true

require "tmpdir"
require "active_support"
require "active_support/notifications"
require "karafka/compat/racecar"

# The client is a stand-in for the gem dogstatsd-ruby: it keeps what it is given.
RSpec.describe "racecar's metrics for Datadog" do
  client = Class.new do
    attr_reader :calls, :options, :closed

    def initialize(*options) = (@options = options) && (@calls = [])

    %i[increment count timing gauge histogram].each { |name| define_method(name) { |*given, tags:| @calls << [name, *given, tags] } }
    def close = @closed = true
  end

  before(:all) do
    directory = Dir.mktmpdir
    FileUtils.mkdir_p(File.join(directory, "datadog"))
    File.write(File.join(directory, "datadog/statsd.rb"), "module Datadog; class Statsd; end; end")
    $LOAD_PATH.unshift(directory)
    require "racecar/datadog"
    $LOAD_PATH.delete(directory)
    FileUtils.rm_rf(directory)
  end

  let(:statsd) { client.new }
  let(:instrumenter) { Racecar::Instrumenter.new(default_payload: { client_id: "c", group_id: "g" }) }
  let(:place) { { topic: "t", partition: 1 } }
  let(:tags) { %w[client:c group_id:g topic:t partition:1] }

  before { Racecar::Datadog.statsd = statsd }
  after { Racecar::Datadog.statsd = nil }

  def names = statsd.calls.map { |call| call[1] }

  it "counts messages, and tells latency, offset and time lag, of process" do
    instrumenter.instrument("process_message", { **place, offset: 5, create_time: Time.now - 2 }) { nil }
    expect(statsd.calls).to match([
                                    [:timing, "consumer.process_message.latency", Numeric, tags], [:increment, "consumer.messages", tags],
                                    [:gauge, "consumer.offset", 5, tags], [:gauge, "consumer.time_lag", be_between(2_000, 60_000), tags]
                                  ])
  end

  it "counts the messages of batches, and tells their size, of process_batch" do
    instrumenter.instrument("process_batch", { **place, last_offset: 5, message_count: 7, last_create_time: Time.now }) { nil }
    expect(statsd.calls).to include([:histogram, "consumer.batch_size", 7, tags], [:count, "consumer.messages", 7, tags])
    expect(names).to include("consumer.process_batch.latency", "consumer.offset", "consumer.time_lag")
  end

  it "is told where Datadog is by the settings" do
    config = Racecar::Config.new(env: {})
    { datadog_enabled: true, datadog_host: "h", datadog_port: 1, datadog_socket_path: "/s", datadog_namespace: "n", datadog_tags: "a,b" }
      .each { |name, value| config.set(name, value) }
    Racecar.config = config
    Racecar::Cli.new(["AnyConsumer"]).send(:use_datadog)
    names = %i[host port socket_path namespace tags]
    expect([config.datadog_enabled?, names.map { |name| Racecar::Datadog.public_send(name) }]).to eq([true, ["h", 1, "/s", "n", %w[a b]]])
  ensure
    names.each { |name| Racecar::Datadog.public_send(:"#{name}=", nil) }
    Racecar.config = nil
  end

  it "counts errors" do
    %w[process_message process_batch].each do |event|
      expect { instrumenter.instrument(event, { **place }) { raise "no" } }.to raise_error("no")
    end
    expect(statsd.calls).to eq([[:increment, "consumer.process_message.errors", tags], [:increment, "consumer.process_batch.errors", tags]])
  end

  it "tells rebalances and pauses" do
    instrumenter.instrument("join_group")
    instrumenter.instrument("leave_group")
    instrumenter.instrument("pause_status", { **place, duration: 3 })
    expect(names).to eq(%w[consumer.join_group consumer.join_group.count consumer.leave_group consumer.leave_group.count
                           consumer.pause.duration])
  end

  it "tells what is produced" do
    instrumenter.instrument("produce_message", { topic: "t", message_size: 5, buffer_size: 2 })
    instrumenter.instrument("acknowledged_message", {})
    instrumenter.instrument("deliver_messages", { delivered_message_count: 2 })
    instrumenter.instrument("produce_delivery_error", { topic: "t" })
    expect(names).to eq(%w[producer.produce.messages producer.produce.message_size producer.produce.message_size.sum producer.buffer.size
                           producer.ack.messages producer.deliver.latency producer.deliver.messages producer.produce.delivery_errors])
  end

  it "connects as Racecar::Datadog.configure says" do
    stub_const("Datadog::Statsd", client)
    Racecar::Datadog.configure do |datadog|
      datadog.host = "h"
      datadog.port = 1
      datadog.socket_path = "/s"
      datadog.namespace = "n"
      datadog.tags = ["a:b"]
    end
    made = Racecar::Datadog.statsd
    expect(made.options).to eq(["h", 1, { socket_path: "/s", namespace: "n", tags: ["a:b"] }])
    Racecar::Datadog.close
    expect(made.closed).to be(true)
  ensure
    Racecar::Datadog.configure { |datadog| %i[host= port= socket_path= namespace= tags=].each { |name| datadog.public_send(name, nil) } }
  end

  it "tells events only to those who listen" do
    expect(%w[process_message nobody_asks].map { |event| instrumenter.listening?(event) }).to eq([true, false])
    expect(Racecar::NullInstrumenter.listening?("process_message")).to be(false)
    expect(Racecar::NullInstrumenter.instrument("process_message", { a: 1 }) { |payload| payload }).to eq({ a: 1 })
  end
end

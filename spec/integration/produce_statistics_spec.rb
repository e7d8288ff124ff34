# frozen_string_literal: true

require "spec_helper"
require "support/mock_cluster"
require "waterdrop"

RSpec.describe "statistics of a producer" do
  include MockCluster

  after do
    @made&.close(0)
    close_cluster
  end

  def producer(kafka = {})
    @made = WaterDrop::Producer.new do |config|
      config.kafka = { "bootstrap.servers": broker.bootstrap_servers }.merge(kafka)
      config.logger = Logger.new(File::NULL)
    end
  end

  it "come where somebody has subscribed before the first message, with what has changed" do
    broker.create_topic("orders", 1)
    made = producer("statistics.interval.ms": 100)
    seen = Queue.new
    made.monitor.subscribe("statistics.emitted") { |event| seen << event }
    made.produce_many_sync(Array.new(3) { { topic: "orders", payload: "1" } })
    event = wait_until("statistics of three messages, twice") do
      seen.pop.then { |it| it if it[:statistics]["txmsgs"] == 3 && it[:statistics]["txmsgs_fd"].positive? } unless seen.empty?
    end
    expect([event[:producer_id], event[:statistics]["txmsgs_d"]]).to eq([made.id, 0])
    expect(event[:statistics]["brokers"].values.first).to include("tx_d" => a_kind_of(Integer))
  end

  it "come without a setting, too" do
    broker.create_topic("orders", 1)
    made = producer
    seen = Queue.new
    made.monitor.subscribe(Class.new { define_method(:on_statistics_emitted) { |event| seen << event[:statistics]["type"] } }.new)
    made.produce_sync(topic: "orders", payload: "1")
    wait_until("statistics") { !seen.empty? }
    expect(seen.pop).to eq("producer")
  end

  it "are refused to who comes too late, unless they are set" do
    broker.create_topic("orders", 1)
    late = producer
    late.produce_sync(topic: "orders", payload: "1")
    [-> { late.monitor.subscribe("statistics.emitted") { nil } },
     -> { late.monitor.subscribe(Class.new { define_method(:on_statistics_emitted) { |_event| nil } }.new) }].each do |call|
      expect(&call).to raise_error(WaterDrop::Errors::StatisticsNotEnabledError, /before its first message/)
    end
    late.monitor.subscribe("message.acknowledged") { nil }
    late.close(0)

    set = producer("statistics.interval.ms": 100)
    set.produce_sync(topic: "orders", payload: "1")
    seen = Queue.new
    set.monitor.subscribe("statistics.emitted") { |event| seen << event }
    wait_until("statistics") { !seen.empty? }
  end
end

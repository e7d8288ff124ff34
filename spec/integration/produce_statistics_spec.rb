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

  describe "where a subscriber is slow" do
    let(:entered) { Queue.new }
    let(:go_on) { Queue.new }
    let(:made) { producer("statistics.interval.ms": 50).tap { |it| it.monitor.subscribe("statistics.emitted") { entered << go_on.pop } } }

    before { broker.create_topic("orders", 1) }

    def seconds
      started = Karafka::Clock.now
      yield
      Karafka::Clock.now - started
    end

    it "hold up neither reports nor a close" do
      made.produce_sync(topic: "orders", payload: "1")
      wait_until("the subscriber") { go_on.num_waiting == 1 }
      called = Queue.new
      made.monitor.subscribe("message.acknowledged") { |event| called << event[:offset] }
      made.produce_async(topic: "orders", payload: "2").on_delivery { |report| called << report.offset }
      made.produce_sync(topic: "orders", payload: "3")
      wait_until("both subscribers") { called.size == 3 }
      expect([Array.new(3) { called.pop }, entered.size]).to eq([[1, 1, 2], 0])
      expect(seconds { expect(made.close).to eq(0) }).to be < 5
      go_on << true
    end

    it "are told on a thread of their own, which another one takes the place of where it is ended" do
      made.monitor.unsubscribe(made.monitor.listeners["statistics.emitted"].first)
      told = Queue.new
      made.monitor.subscribe("statistics.emitted") do |event|
        told << [Thread.current.name, event[:statistics]["ts"]]
        Thread.exit if told.size == 1
      end
      made.produce_sync(topic: "orders", payload: "1")
      wait_until("statistics") { told.size >= 3 }
      names, times = Array.new(3) { told.pop }.transpose
      expect(names.uniq).to eq(["waterdrop.statistics"])
      expect(times).to eq(times.sort)
    end

    it "can be what closes the producer" do
      made.monitor.unsubscribe(made.monitor.listeners["statistics.emitted"].first)
      closed = Queue.new
      made.monitor.subscribe("statistics.emitted") { closed << seconds { made.close } }
      made.produce_sync(topic: "orders", payload: "1")
      expect(closed.pop).to be < 5
      expect(made.status.to_s).to eq("closed")
    end
  end

  it "have no thread where nobody has subscribed" do
    broker.create_topic("orders", 1)
    made = producer("statistics.interval.ms": 10)
    others = Thread.list
    20.times { made.produce_sync(topic: "orders", payload: "1") }
    expect((Thread.list - others).map(&:name)).to eq(["waterdrop.events"])
  end
end

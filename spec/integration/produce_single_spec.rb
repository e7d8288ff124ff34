# frozen_string_literal: true

require "spec_helper"
require "support/mock_cluster"
require "waterdrop"

RSpec.describe "producing one by one" do
  include MockCluster

  before { broker.create_topic("orders", 1) }

  after { close_cluster }

  let(:made) { new_producer }
  # The first messages go the long way.
  let(:warm) { made.tap { 2.times { made.produce_async(topic: "orders", payload: nil).wait } } }
  let(:short) { WaterDrop::DeliveryHandle::Single }

  it "takes plain messages the short way, with a handle like any other" do
    handle = warm.produce_async(topic: "orders", payload: "x", key: "k", partition: 0)
    expect(handle).to be_a(short)
    expect(handle).to be_a(WaterDrop::DeliveryHandle)
    expect([handle.wait.offset, handle.report.offset, handle.topic, handle.label, handle.pending?]).to eq([2, 2, "orders", nil, false])
    expect(handle.inspect).to include("orders/0@2")
    expect { handle.dup }.to raise_error(TypeError)
    expect { short.allocate }.to raise_error(TypeError)
  end

  it "takes the others the long way" do
    [{ headers: { "a" => "b" } }, { label: 1 }, { timestamp: Time.now }, { partition_key: "k" }, { topic: :orders }].each do |more|
      expect(warm.produce_async({ topic: "orders", payload: "x", **more })).not_to be_a(short)
    end
    [{ payload: 1 }, { stray: 1 }, { partition: "0" }, { topic: nil }, { key: :k }].each do |wrong|
      expect { warm.produce_async({ topic: "orders", payload: "x", **wrong }) }.to raise_error(WaterDrop::Errors::MessageInvalidError)
    end
    expect { warm.produce_async({ topic: "orders", key: "k" }) }
      .to raise_error(WaterDrop::Errors::MessageInvalidError, /payload.* is missing/)
    expect { warm.produce_async(nil) }.to raise_error(WaterDrop::Errors::MessageInvalidError)
  end

  it "tells whoever subscribes later, and calls on_delivery" do
    seen = Queue.new
    handles = Array.new(200) { warm.produce_async(topic: "orders", payload: "x") }
    handles.each { |handle| handle.on_delivery { |report| seen << report.offset } }
    wait_until("all calls") { seen.size == 200 }
    # Nothing is kept for calls that were made.
    wait_until("nothing is watched") { made.instance_variable_get(:@client).instance_variable_get(:@watched).empty? }
    handles.each { |handle| handle.on_delivery { |report| seen << report.offset } }
    expect(Array.new(400) { seen.pop(true) }.tally.values).to all(eq(2))
    expect(made.instance_variable_get(:@client).instance_variable_get(:@watched)).to be_empty
    made.monitor.subscribe("message.acknowledged") { |event| seen << event[:offset] }
    made.produce_async(topic: "orders", payload: "x")
    expect(seen.pop).to be >= 200
  end

  it "outlives its producer" do
    handle = warm.produce_async(topic: "orders", payload: "x")
    expect(made.close).to eq(0)
    expect(handle.wait.offset).to eq(2)
    expect { made.produce_async(topic: "orders", payload: nil) }.to raise_error(WaterDrop::Errors::ProducerClosedError)
  end

  it "works in a forked child, and says there that the parent's handles never answer" do
    handle = warm.produce_async(topic: "orders", payload: "x")
    pid = fork do
      mine = made.produce_async(topic: "orders", payload: "y").wait.offset
      handle.wait(max_wait_timeout_ms: 10) if handle.pending?
      exit!(mine.positive? ? 0 : 1)
    rescue Karafka::Errors::ForkedError
      exit!(0)
    end
    expect(wait_for_exit(pid)).to be_success
    expect(handle.wait.error).to be_nil
  end

  it "keeps nothing of 100,000 handles that nobody waits for" do
    # Every other one is kept for a while, so that sets are freed from both sides.
    kept = Array.new(100_000) { |index| warm.produce_async(topic: "orders", payload: "x") if index.odd? }
    wait_until("all reports") { made.queue_size.zero? }
    GC.start
    expect(ObjectSpace.each_object(short).count).to be >= 50_000
    kept.clear
    GC.start
    expect(ObjectSpace.each_object(short).count).to be < 5_000
  end

  it "holds under GC stress and compaction", deadline: 400 do
    warm
    GC.stress = true
    handles = Array.new(20) { |index| made.produce_async(topic: "orders", payload: "p#{index}", key: "k#{index}") }
    GC.stress = false
    GC.compact
    expect(handles).to all(be_a(short))
    expect(handles.map { |handle| handle.wait.offset }).to eq((2..21).to_a)
  ensure
    GC.stress = false
  end
end

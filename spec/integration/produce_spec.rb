# frozen_string_literal: true

require "spec_helper"
require "support/mock_cluster"
require "waterdrop"

RSpec.describe "producing to a cluster" do
  include MockCluster

  after { close_cluster }

  let(:log) { StringIO.new }

  def producer(kafka = {}, &) = new_producer(kafka, log: log, &)

  # Nobody answers there.
  def stuck(kafka = {}, &)
    producer({ "bootstrap.servers": "127.0.0.1:1" }.merge(kafka), &)
  end

  it "reports where each message ended up" do
    broker.create_topic("orders", 1)
    made = producer
    report = made.produce_sync(topic: "orders", payload: "x", label: :mine)
    expect([report.topic, report.partition, report.offset, report.error, report.label]).to eq(["orders", 0, 0, nil, :mine])
    expect(made.produce_async(topic: "orders", payload: "x").wait.offset).to eq(1)
    expect(made.produce_many_sync([{ topic: "orders", payload: nil }] * 3).map { |handle| handle.report.offset }).to eq([2, 3, 4])
    expect(made.partition_count("orders")).to eq(1)
    expect(made.queue_size).to eq(0)
    expect(made.close).to eq(0)
    expect { made.produce_async(topic: "orders", payload: nil) }.to raise_error(WaterDrop::Errors::ProducerClosedError)
  end

  it "calls on_delivery once, whenever it was asked for" do
    broker.create_topic("orders", 1)
    seen = Queue.new
    made = producer
    handles = made.produce_many_async(Array.new(50) { |index| { topic: "orders", payload: "x", label: index } })
    handles.each { |handle| handle.on_delivery { |report| seen << report.label } }
    handles.last.wait
    handles.each { |handle| handle.on_delivery { |report| seen << report.label } }
    wait_until("all calls") { seen.size == 100 }
    made.close
    expect(drain(seen).tally).to eq((0...50).to_h { |index| [index, 2] })
  end

  it "tells the monitor what was acknowledged" do
    broker.create_topic("orders", 1)
    seen = Queue.new
    made = producer
    made.monitor.subscribe("message.acknowledged") { |event| seen << event.payload.values_at(:topic, :partition, :offset, :label) }
    made.produce_many_async([{ topic: "orders", payload: nil, label: 1 }, { topic: "orders", payload: nil }])
    made.produce_async(topic: "orders", payload: nil)
    wait_until("three") { seen.size == 3 }
    expect(Array.new(3) { seen.pop }).to eq([["orders", 0, 0, 1], ["orders", 0, 1, nil], ["orders", 0, 2, nil]])
  end

  it "goes on when a subscriber raises" do
    broker.create_topic("orders", 1)
    made = producer
    made.monitor.subscribe("message.acknowledged") { raise "a bug" }
    seen = Queue.new
    made.produce_async(topic: "orders", payload: nil).on_delivery { |report| seen << report }
    expect(wait_until("the report") { !seen.empty? && seen.pop }).to be_delivered
    wait_until("the log line") { log.string.include?("raised RuntimeError: a bug") }
  end

  it "goes on when a subscriber or an on_delivery block raises what is no StandardError, and closes" do
    broker.create_topic("orders", 1)
    made = producer
    seen = Queue.new
    made.monitor.subscribe("message.acknowledged") { |event| (seen << event[:offset]) && raise(NotImplementedError, "a bug") }
    2.times { made.produce_sync(topic: "orders", payload: nil) }
    wait_until("both") { seen.size == 2 }
    expect(made.close).to eq(0)
  end

  it "raises what the broker said, and tells the monitor" do
    made = stuck("message.timeout.ms": 200)
    errors = Queue.new
    made.monitor.subscribe("error.occurred") { |event| errors << event if event[:type] == "librdkafka.dispatch_error" }
    expect { made.produce_sync(topic: "orders", payload: "x") }.to raise_error(WaterDrop::Errors::ProduceError) { |error|
      expect([error.code, error.fatal?, error.cause.class,
              error.cause.topic]).to eq([:msg_timed_out, false, Karafka::Errors::KafkaError, "orders"])
    }
    expect(wait_until("the event") { !errors.empty? && errors.pop }[:error].code).to eq(:msg_timed_out)
    expect { made.produce_many_sync([{ topic: "orders", payload: nil }] * 2) }.to raise_error(WaterDrop::Errors::ProduceManyError) { |error|
      expect(error.dispatched.map { |handle| handle.report.error.code }).to eq(%i[msg_timed_out msg_timed_out])
    }
  end

  it "gives up waiting, not the message" do
    made = stuck { |config| config.max_wait_timeout = 50 }
    expect { made.produce_sync(topic: "orders", payload: nil) }
      .to raise_error(WaterDrop::Errors::ProduceError, /may still be delivered/) { |error|
        expect(error.cause).to be_a(Karafka::Errors::TimeoutError)
      }
    expect(made.queue_size).to eq(1)
  end

  it "raises, waits or drops where the queue is full" do
    raising = stuck("queue.buffering.max.messages": 1) { |config| config.wait_on_queue_full = false }
    raising.produce_async(topic: "orders", payload: nil)
    expect { raising.produce_async(topic: "orders", payload: nil) }
      .to raise_error(WaterDrop::Errors::ProduceError) { |error| expect(error.code).to eq(:queue_full) }
    expect { raising.produce_many_async([{ topic: "orders", payload: nil }] * 2) }
      .to raise_error(WaterDrop::Errors::ProduceManyError) { |error| expect(error.dispatched).to eq([]) }

    waiting = stuck("queue.buffering.max.messages": 1, "message.timeout.ms": 200)
    waiting.monitor.subscribe("error.occurred") { |event| (@types ||= []) << event[:type] }
    waiting.produce_many_async([{ topic: "orders", payload: nil }] * 3)
    wait_until("the event") { @types&.include?("message.produce_queue_full") }

    dropping = stuck("queue.buffering.max.messages": 1) do |config|
      [config.drop_on_queue_full = true, config.wait_timeout_on_queue_full = 20]
    end
    dropped = []
    dropping.monitor.subscribe("messages.dropped") { |event| dropped.concat(event[:messages]) }
    handles = dropping.produce_many_async([{ topic: "orders", payload: "1" }, { topic: "orders", payload: "2" }])
    expect(dropped).to eq([{ topic: "orders", payload: "2" }])
    expect(handles.map { |handle| handle.report&.error&.code }).to eq([nil, :queue_full])
  end

  it "keeps in the buffer what a flush could not hand over" do
    made = stuck("queue.buffering.max.messages": 2) { |config| config.wait_on_queue_full = false }
    made.buffer_many(Array.new(5) { |index| { topic: "orders", payload: index.to_s } })
    expect { made.flush_async }.to raise_error(WaterDrop::Errors::ProduceManyError)
    expect(made.messages.map { |message| message[:payload] }).to eq(%w[2 3 4])
    # Two that nobody answers, three that never got out of the buffer.
    expect(made.close(0)).to eq(5)
  end

  it "says at close what was not delivered, to the caller and to each handle" do
    made = stuck { |config| config.max_wait_timeout = 100 }
    handles = made.produce_many_async([{ topic: "orders", payload: nil }] * 3)
    expect(made.close).to eq(3)
    expect(handles.map { |handle| handle.report.error.code }).to eq(%i[purge_queue] * 3)
    expect(made.close).to eq(0)
  end

  it "answers Thread#kill and Timeout while it waits" do
    made = stuck("queue.buffering.max.messages": 1)
    handle = made.produce_async(topic: "orders", payload: nil)
    [-> { handle.wait }, -> { made.produce_async(topic: "orders", payload: nil) }].each do |work|
      took = shortest(0.05) do
        thread = Thread.new(&work)
        wait_until("the thread to wait") { thread.status == "sleep" }
        started = Process.clock_gettime(Process::CLOCK_MONOTONIC)
        thread.kill.join
        Process.clock_gettime(Process::CLOCK_MONOTONIC) - started
      end
      expect(took).to be < 0.05
    end
    expect { Timeout.timeout(0.05) { handle.wait } }.to raise_error(Timeout::Error)
  end

  it "closes when a slow subscriber has heard of everything, also where that subscriber closes it, too" do
    broker.create_topic("orders", 1)
    made = producer
    seen = 0
    made.monitor.subscribe("message.acknowledged") do
      seen += 1
      sleep 0.001
      made.close if seen == 1_500
    end
    made.produce_many_async([{ topic: "orders", payload: nil }] * 2_000)
    expect(made.close).to eq(0)
    expect(seen).to eq(2_000)
  end

  it "sends from many threads" do
    broker.create_topic("orders", 4)
    made = producer
    place = lambda do |thread|
      report = made.produce_sync(topic: "orders", payload: nil, key: thread.to_s)
      [report.partition, report.offset]
    end
    offsets = Array.new(8) { |thread| Thread.new { Array.new(50) { place.call(thread) } } }
    expect(offsets.flat_map(&:value).uniq.size).to eq(400)
  end
end

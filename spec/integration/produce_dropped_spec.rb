# frozen_string_literal: true

require "open3"
require "spec_helper"
require "support/mock_cluster"
require "waterdrop"

# Nobody closes these producers, and nobody has them any more.
RSpec.describe "a producer that is dropped" do
  include MockCluster

  before { broker.create_topic("orders", 1) }
  after { close_cluster }

  def producer(kafka = {}, **settings)
    WaterDrop::Producer.new do |config|
      config.kafka = { "bootstrap.servers": broker.bootstrap_servers, log_level: 0 }.merge(kafka)
      config.logger = Logger.new(File::NULL)
      settings.each { |name, value| config.public_send(:"#{name}=", value) }
    end
  end

  # What the stack of this thread refers to by chance is kept, so it is done on another one.
  def elsewhere(&)
    Thread.new(&).value
  end

  def threads
    OsThreads.all.values.tally.values_at("krs.dr", "waterdrop.event").map(&:to_i)
  end

  it "is collected when nothing of it is under way, and its threads end" do
    before = threads
    collected = 0
    count = proc { collected += 1 }
    elsewhere do
      10.times do
        made = producer
        # As most subscribers do, it refers to the producer.
        made.monitor.subscribe("error.occurred") { made.id }
        made.produce_sync(topic: "orders", payload: "x")
        made.with(topic_config: { acks: 1 }).produce_sync(topic: "orders", payload: "x")
        ObjectSpace.define_finalizer(made, count)
      end
      nil
    end
    # One or two may be kept by what a stack has left over.
    wait_until("the collector") { GC.start || collected >= 8 }
    wait_until("the threads to end") { GC.start || threads.zip(before).all? { |now, then_| now - then_ <= 4 } }
  end

  it "is kept until its messages have their answers" do
    broker.round_trip_ms(1, 700)
    seen = Queue.new
    elsewhere do
      made = producer
      made.monitor.subscribe("message.acknowledged") { |event| seen << event[:label] }
      handle = made.produce_async(topic: "orders", payload: "x", label: "heard")
      handle.on_delivery { |report| seen << report.offset }
      nil
    end
    wait_until("both reports") { GC.start || seen.size == 2 }
    expect(Array.new(2) { seen.pop }).to contain_exactly("heard", 0)
  end

  it "is kept again when it is used again, by the short way too" do
    kept = WaterDrop.const_get(:OpenProducers).instance_variable_get(:@kept)
    made = producer
    offsets = Array.new(3) do
      offset = made.produce_sync(topic: "orders", payload: "x").offset
      client = made.client
      wait_until("its rest") { !kept.key?(client) }
      offset
    end
    handles = Array.new(100) { made.produce_async(topic: "orders", payload: "x") }
    expect([offsets, handles.map { |handle| handle.wait.offset }]).to eq([[0, 1, 2], (3..102).to_a])
    expect(made.close).to eq(0)
  end

  it "is kept while there is something in its buffer, and the end of the process sends that" do
    script = <<~RUBY
      require "waterdrop"
      def drop
        made = WaterDrop::Producer.new { |config| config.kafka = { "bootstrap.servers": "#{broker.bootstrap_servers}" } }
        made.buffer(topic: "orders", payload: "x")
        nil
      end
      Thread.new { 5.times { drop } }.join
      3.times { GC.start }
    RUBY
    out, status = Open3.capture2e(RbConfig.ruby, "-I", File.expand_path("../../lib", __dir__), "-e", script)
    expect([out, status.exitstatus]).to eq(["", 0])
    made = producer
    expect(made.produce_sync(topic: "orders", payload: nil).offset).to eq(5)
    made.close
  end

  it "sends its buffer in time, also where Thread.exit has ended the thread that does" do
    made = producer({}, buffer_max_time: 20)
    ends = 0
    made.monitor.subscribe("buffer.flushed_async") do
      # Nobody buffers anything after that.
      (ends += 1) == 1 && made.buffer(topic: "orders", payload: "y") && Thread.exit
    end
    made.buffer(topic: "orders", payload: "x")
    wait_until("both flushes") { made.messages.empty? && ends == 2 }
    expect(made.close).to eq(0)
    made = producer
    expect(made.produce_sync(topic: "orders", payload: nil).offset).to be >= 2
    made.close
  end

  it "passes all reports on where blocks and subscribers end the thread they run on" do
    made = producer
    log = StringIO.new
    made.config.logger = Logger.new(log)
    seen = Queue.new
    made.monitor.subscribe("message.acknowledged") { |event| event[:offset] == 5 && Thread.exit }
    handles = made.produce_many_async([{ topic: "orders", payload: "x" }] * 10)
    # The report may be there already: then the block runs at once, and ends the thread that has asked.
    handles.each do |handle|
      Thread.new { handle.on_delivery { |report| (seen << report.offset) && report.offset == 2 && Thread.exit } }.join
      handle.on_delivery { |report| seen << -report.offset }
    end
    expect(made.close).to eq(0)
    expect(drain(seen).sort).to eq([*-9..-1, 0, 0, *1..9])
    expect(log.string).to match(/has ended the event thread; another one goes on/).or(be_empty)
  end
end

# frozen_string_literal: true

require "spec_helper"
require "support/mock_cluster"

# What people call from `trap("TERM") { … }` of their own.
RSpec.describe "in a trap" do
  include MockCluster

  before { broker.create_topic("orders", 1) }

  after do
    Karafka::Embedded.stop
    close_cluster
  end

  # @return [Object] what the block gave, or raised, in the trap
  def in_trap
    result = nil
    former = trap(:USR2) do
      result = [yield]
    rescue Exception => e # rubocop:disable Lint/RescueException -- whatever it is
      result = [e]
    end
    Process.kill(:USR2, Process.pid)
    wait_until("the trap") { result }.first
  ensure
    trap(:USR2, former || "DEFAULT")
  end

  def start
    consumer = consumer_class { nil }
    application { topic(:orders) { consumer(consumer) } }
    Karafka::Embedded.start
  end

  it "an embedded server is stopped, and the trap goes on when it has ended" do
    start
    expect(in_trap { [Karafka::Embedded.stop, Karafka::App.status] }).to eq([nil, :terminated])
  end

  it "an embedded server that a trap interrupts while it starts ends" do
    Karafka.monitor.subscribe("app.initialized") { in_trap { Karafka::Embedded.stop } }
    start
    expect([Karafka::Server.wait(Wait::LONG), Karafka::App.status]).to eq([true, :terminated])
  end

  it "partitions are paused and workers scaled, and the log says so" do
    start
    wait_until("the assignment") { Karafka::Server.state[:groups].first[:assigned].any? }
    expect { expect(in_trap { Karafka::Server.pause(topic: "orders") }).to eq(1) }.not_to output.to_stderr
    expect(in_trap { Karafka::Server.workers.scale(4) }).to eq(4)
    wait_until("the workers") { Karafka::Server.workers.size == 4 }
    ["pause of topic orders: 1 partition of", "Scaled from 2 to 4 workers"].each do |text|
      wait_until("the log") { log.string.include?(text) }
    end
  end

  it "a producer sends its first message, buffers, flushes and closes" do
    made = new_producer({ "linger.ms": 0 }) { |config| config.buffer_max_time = 60_000 }
    expect(in_trap { made.produce_sync(topic: "orders", payload: "1").offset }).to eq(0)
    expect(in_trap { made.buffer(topic: "orders", payload: "2").size }).to eq(1)
    expect(in_trap { made.buffer_many([{ topic: "orders", payload: "3" }]).size }).to eq(2)
    expect(in_trap { made.messages.size }).to eq(2)
    expect(in_trap { made.flush_sync.map { |handle| handle.wait.offset } }).to eq([1, 2])
    expect(in_trap { made.produce_async(topic: "orders", payload: nil, label: 5).wait.label }).to eq(5)
    expect(in_trap { made.buffer(topic: "orders", payload: nil).size }).to eq(1)
    expect(in_trap { made.flush_async.size }).to eq(1)
    expect(in_trap { made.close }).to eq(0)
  end

  it "the application's producer is made, and one of a pool, and the pool closes" do
    application { topic(:orders) { consumer Class.new(Karafka::BaseConsumer) { def consume; end } } }
    expect(in_trap { Karafka.producer.produce_sync(topic: "orders", payload: "1").offset }).to eq(0)
    Karafka.producer.close
    pool = WaterDrop::ConnectionPool.new(size: 1) { |config| config.kafka = { "bootstrap.servers": broker.bootstrap_servers } }
    expect(in_trap { pool.with { |lent| lent.produce_sync(topic: "orders", payload: "2").offset } }).to eq(1)
    expect(in_trap { [pool.available, pool.close] }).to eq([1, 0])
  end
end

# frozen_string_literal: true

require "spec_helper"
require "support/mock_cluster"
require "timeout"
require "waterdrop"

RSpec.describe "a producer that waits" do
  include MockCluster

  after { close_cluster }

  # Nobody answers there.
  def stuck(kafka = {})
    WaterDrop::Producer.new do |config|
      config.kafka = { "bootstrap.servers": "127.0.0.1:1", log_level: 0 }.merge(kafka)
      config.max_wait_timeout = 60_000
      config.wait_timeout_on_queue_full = 60_000
      config.logger = Logger.new(File::NULL)
      yield config if block_given?
    end
  end

  # What waits, by name; each for a minute.
  waits = {
    "for an answer" => ->(made) { made.produce_sync(topic: "orders", payload: nil) },
    "for several answers" => ->(made) { made.produce_many_sync([{ topic: "orders", payload: nil }] * 3) },
    "for room" => ->(made) { 20.times { made.produce_async(topic: "orders", payload: nil) } },
    "for room, with many" => ->(made) { made.produce_many_async([{ topic: "orders", payload: nil }] * 20) },
    "for the number of partitions" => ->(made) { made.partition_count("orders") },
    "for a flush" => ->(made) { made.buffer(topic: "orders", payload: nil) && made.flush_sync },
    "for its close" => ->(made) { made.produce_async(topic: "orders", payload: nil) && made.close },
    "for a transaction" => ->(made) { made.transaction { nil } },
    "for the close of a transactional one" => ->(made) { made.buffer(topic: "orders", payload: nil) && made.close }
  }.freeze

  def elapsed
    started = Process.clock_gettime(Process::CLOCK_MONOTONIC)
    yield
    Process.clock_gettime(Process::CLOCK_MONOTONIC) - started
  end

  waits.each do |name, wait|
    it "hears Timeout, Thread#kill and TERM while it waits #{name}" do
      kafka = { "queue.buffering.max.messages": 10 }
      kafka[:"transactional.id"] = "t" if name.include?("transaction")
      made = stuck(kafka)
      expect(elapsed { expect { Timeout.timeout(0.1) { wait.call(made) } }.to raise_error(Timeout::Error) }).to be < 30 * GCStress.patience
      made.close(0)

      made = stuck(kafka)
      thread = Thread.new { wait.call(made) }
      wait_until("it waits") { thread.stop? }
      expect(elapsed { thread.kill.join }).to be < 30 * GCStress.patience
      made.close(0)

      # Its main thread and the producer's own are all there are.
      reader, writer = IO.pipe
      pid = fork do
        trap("TERM") { exit!(7) }
        made = stuck(kafka)
        Thread.new do
          sleep 0.1 until made.status.connected? || made.status.closing?
          writer.close
        end
        wait.call(made)
      end
      writer.close
      reader.read
      expect(elapsed { Process.kill("TERM", pid) && expect(wait_for_exit(pid).exitstatus).to(eq(7)) }).to be < 30
    end
  end

  # Ruby raises the first of two at once, and leaves the second to the next call that blocks.
  it "hears a Thread#kill that comes right behind a Thread#raise, in a loop of short waits" do
    made = new_producer
    thread = Thread.new do
      loop { made.produce_sync(topic: "orders", payload: nil) }
    rescue RuntimeError
      retry
    end
    5.times { wait_until("it waits") { thread.stop? } }
    thread.raise("first")
    thread.kill
    expect(thread.join(10 * GCStress.patience)).to eq(thread)
    made.close
  end

  it "closes once, whoever asks and however often, and goes on after an interrupt" do
    made = stuck { |config| config.max_wait_timeout = 700 }
    5.times { made.produce_async(topic: "orders", payload: nil) }
    expect { Timeout.timeout(0.1) { made.close } }.to raise_error(Timeout::Error)
    answers = Array.new(4) { Thread.new { made.close } }.map(&:value)
    expect(answers.sort).to eq([0, 0, 0, 5])
    expect(made.close).to eq(0)
    expect(made.status).to be_closed
  end

  it "gives its connections up when it is idle, and comes back" do
    broker.create_topic("orders", 1)
    made = stuck("bootstrap.servers": broker.bootstrap_servers)
    events = Queue.new
    %w[producer.disconnecting producer.disconnected].each { |name| made.monitor.subscribe(name) { events << name } }
    expect(made.disconnect).to be(false)
    2.times do |round|
      expect(made.produce_sync(topic: "orders", payload: nil).offset).to eq(round * 2)
      expect(made.produce_async(topic: "orders", payload: nil).wait.offset).to eq((round * 2) + 1)
      wait_until("nothing is under way") { made.disconnectable? }
      expect(made.status).to be_connected
      expect(made.disconnect).to be(true)
      expect(made.status).to be_disconnected.and(be_active)
      expect([events.pop, events.pop]).to eq(%w[producer.disconnecting producer.disconnected])
    end
    expect(made.close).to eq(0)
    expect(made.disconnect).to be(false)
  end
end

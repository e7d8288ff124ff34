# frozen_string_literal: true

require "spec_helper"
require "support/mock_cluster"
require "support/optional_gems"
require "waterdrop"

without_async = OptionalGems.missing("async")
require "async" unless without_async

RSpec.describe "a producer in fibers of a scheduler", skip: without_async do
  include MockCluster

  after { close_cluster }

  # Nobody answers there, and it has room for two messages.
  def stuck
    WaterDrop::Producer.new do |config|
      config.kafka = { "bootstrap.servers": "127.0.0.1:1", log_level: 0, "queue.buffering.max.messages": 2 }
      config.max_wait_timeout = 300
      config.wait_timeout_on_queue_full = 300
      config.logger = Logger.new(File::NULL)
    end
  end

  # @return [Integer] how often another fiber of the same thread had its turn while the block ran
  def turns_of_others
    turns = 0
    Thread.new do
      Async do |task|
        done = false
        other = task.async do |inner|
          until done
            inner.sleep(0.01)
            turns += 1
          end
        end
        yield
        done = true
        other.wait
      end
    end.join
    turns
  end

  def full(made) = made.tap { 2.times { made.produce_async(topic: "orders", payload: nil) } }

  {
    "an answer" => ->(made) { made.produce_sync(topic: "orders", payload: "x") },
    "several answers" => ->(made) { made.produce_many_sync([{ topic: "orders", payload: "x" }] * 2) },
    "a handle" => ->(made) { made.produce_async(topic: "orders", payload: "x").wait },
    "a flush" => ->(made) { made.buffer(topic: "orders", payload: "x") && made.flush_sync },
    "room" => ->(made) { 3.times { made.produce_async(topic: "orders", payload: "x") } },
    "room for many" => ->(made) { made.produce_many_async([{ topic: "orders", payload: "x" }] * 3) },
    "the number of partitions" => ->(made) { made.partition_count("orders") },
    "its close" => ->(made) { made.produce_async(topic: "orders", payload: "x") && made.close }
  }.each do |what, wait|
    it "lets others run while one waits for #{what}", deadline: 30 do
      made = stuck
      turns = turns_of_others do
        wait.call(made)
      rescue WaterDrop::Errors::BaseError, Karafka::Errors::BaseError
        nil # that it could not be sent
      end
      expect(turns).to be >= 5
    ensure
      made.close(0)
    end
  end

  it "sends from many fibers at once, each with its own answer" do
    made = WaterDrop::Producer.new { |config| config.kafka = { "bootstrap.servers": broker.bootstrap_servers } }
    offsets = Thread.new do
      Async do |task|
        Array.new(50) { task.async { made.produce_sync(topic: "orders", payload: "x", partition: 0).offset } }.map(&:wait)
      end.wait
    end.value
    expect(offsets.sort).to eq((0...50).to_a)
  ensure
    made&.close
  end

  it "makes no thread where there is no scheduler" do
    made = WaterDrop::Producer.new { |config| config.kafka = { "bootstrap.servers": broker.bootstrap_servers } }
    made.produce_sync(topic: "orders", payload: "x")
    allow(Thread).to receive(:new).and_call_original
    made.produce_sync(topic: "orders", payload: "x")
    expect(Thread).not_to have_received(:new)
  ensure
    made&.close
  end
end

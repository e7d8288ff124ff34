# frozen_string_literal: true

require "delegate"
require "spec_helper"
require "support/mock_cluster"
require "support/topic_reader"

RSpec.describe "messages that cannot be processed" do
  include MockCluster

  let(:seen) { Queue.new }

  before { %w[orders dead].each { |name| broker.create_topic(name, 1) } }

  after do
    Karafka::Embedded.stop
    @reader&.close
    close_cluster
  end

  def start(consumer = nil, **settings, &) = start_orders(consumer, pause_ms: 10, **settings, &)

  def processed(count)
    wait_until("#{count} calls") { seen.size >= count }
    drain(seen)
  end

  # What is in the dead letter queue, as [payload, offset it had].
  def dead(count)
    reader.wait_for(count).map { |row| [row.payload, row.headers["source_offset"]] }
  end

  def watermark(topic)
    WireProducer.new(broker.bootstrap_servers).offsets(topic, -1)[0]
  end

  def reader
    @reader ||= TopicReader.new(broker.bootstrap_servers, "dead")
  end

  it "go to the dead letter queue alone, while the others of their batch are processed" do
    seen = self.seen
    produce("orders", (1..9).map(&:to_s))
    start(dead_letter_queue: { topic: "dead", max_retries: 1 }) do
      messages.each { |message| message.payload == 5 ? raise("five") : message }
      seen.push(*messages.payloads)
    end
    wait_until("the commit") { committed("app", "orders") == 9 }
    expect(dead(1)).to eq([%w[5 4]])
    expect(processed(8).uniq.sort).to eq([1, 2, 3, 4, 6, 7, 8, 9])
  end

  it "are processed once where no retry is wanted" do
    seen = self.seen
    produce("orders", (1..5).map(&:to_s))
    start(dead_letter_queue: { topic: "dead", max_retries: 0 }) do
      messages.each do |message|
        seen << message.payload
        raise "three" if message.payload == 3
      end
    end
    wait_until("the commit") { committed("app", "orders") == 5 }
    expect(dead(1)).to eq([%w[3 2]])
    calls = drain(seen)
    expect([calls.count(3), calls.uniq.sort]).to eq([1, [1, 2, 3, 4, 5]])
  end

  it "are found by taking the batch apart where it is processed as a whole" do
    seen = self.seen
    produce("orders", (1..5).map(&:to_s))
    start(dead_letter_queue: { topic: "dead", max_retries: 0 }) do
      messages.each_slice(5) { |slice| raise "three" if slice.map(&:payload).include?(3) }
      seen.push(*messages.payloads)
    end
    wait_until("the commit") { committed("app", "orders") == 5 }
    expect(dead(1)).to eq([%w[3 2]])
    expect(processed(4).sort).to eq([1, 2, 4, 5])
  end

  it "keep their headers byte for byte, in order and with repetitions, as dead letters and where they are passed on" do
    broker.create_topic("copies", 1)
    came = [%w[h 1], %w[x 2], ["h", nil], ["h", "\xFF".b], ["x", ""]]
    WireProducer.new(broker.bootstrap_servers).produce("orders", 0, [{ value: "5", headers: came }])
    start(dead_letter_queue: { topic: "dead", max_retries: 0 }) do
      pipe_sync(topic: "copies", message: messages.first)
      raise "five"
    end
    pairs = %w[dead copies].map do |topic|
      reader = TopicReader.new(broker.bootstrap_servers, topic)
      reader.wait_for(1).first.header_pairs.map { |name, value| [name, value&.b] }.first(came.size)
    ensure
      reader.close
    end
    expect(pairs).to eq([came, came])
  end

  it "are counted each for itself where one message is given at a time" do
    seen = self.seen
    produce("orders", %w[1 2 3])
    start(batch_consuming: false, dead_letter_queue: { topic: "dead", max_retries: 1 }) do
      seen << [params.payload, attempt]
      raise "no" if params.payload >= 2
    end
    wait_until("the commit") { committed("app", "orders") == 3 }
    expect(processed(5)).to eq([[1, 1], [2, 1], [2, 2], [3, 1], [3, 2]])
    expect(dead(2)).to eq([%w[2 1], %w[3 2]])
  end

  it "keep the count of their batch through its marks, or not where it is independent" do
    { false => [[1, 1], [1, 2], [2, 2]], true => [[1, 1], [1, 2], [2, 1]] }.each do |independent, expected|
      seen = Queue.new
      topic = "t-#{independent}"
      broker.create_topic(topic, 1)
      produce(topic, %w[1 2])
      klass = consumer_class do
        messages.each do |message|
          seen << [message.payload, attempt]
          raise "no" if message.payload == 1 && attempt == 1

          mark_as_consumed(message)
        end
      end
      application do
        topic(topic) { consumer(klass) && dead_letter_queue(topic: "dead", independent: independent) }
      end
      Karafka::App.config.pause.timeout = 10
      Karafka::Embedded.start
      wait_until("the calls") { seen.size >= 3 }
      Karafka::Embedded.stop
      calls = drain(seen)
      expect([independent, calls]).to eq([independent, expected])
      Karafka::App.routes.clear
    end
  end

  it "that cannot be decoded are left out of their batch at once" do
    seen = self.seen
    produce("orders", ["1", "{", "3", "}", "5"])
    start(dead_letter_queue: { topic: "dead" }, on_deserialization_error: :dead_letter) do
      seen.push(*messages.payloads)
    end
    wait_until("the commit") { committed("app", "orders") == 5 }
    expect(dead(2)).to contain_exactly(["{", "1"], ["}", "3"])
    expect(processed(3).uniq).to eq([1, 3, 5])
  end

  it "that are rejected out of turn do not take with them what is before" do
    seen = self.seen
    produce("orders", %w[1 2 3 4])
    start(dead_letter_queue: { topic: "dead" }) do
      three = messages.find { |message| message.payload == 3 }
      raise Karafka::Reject.new("three", message: three) if three

      seen << messages.payloads
    end
    wait_until("the commit") { committed("app", "orders") == 4 }
    expect(processed(1).flatten).to eq([1, 2, 4])
    expect(dead(1)).to eq([%w[3 2]])
  end

  it "stay where they are as long as they cannot be sent" do
    seen = self.seen
    errors = Queue.new
    Karafka.monitor.subscribe("error.occurred") { |event| errors << event[:type] }
    produce("orders", %w[1])
    failing = true
    klass = consumer_class { (seen << attempt) && raise("no") }
    own = Class.new(SimpleDelegator) do
      define_method(:produce_async) { |message| failing ? raise(WaterDrop::Errors::ProduceError, "down") : super(message) }
    end
    klass.define_method(:producer) { own.new(Karafka.producer) }
    start(klass, dead_letter_queue: { topic: "dead", max_retries: 0 })
    processed(3)
    expect(committed("app", "orders")).to be_nil
    failing = false
    wait_until("the commit") { committed("app", "orders") == 1 }
    expect(dead(1)).to eq([%w[1 0]])
    expect(drain(errors)).to include("dead_letter_queue.dispatch.error")
  end

  it "pause the partition past the limit, until it is resumed" do
    stopped = Queue.new
    Karafka.monitor.subscribe("dead_letter_queue.stopped") { |event| stopped << event[:caller] }
    produce("orders", (1..5).map(&:to_s))
    start(dead_letter_queue: { topic: "dead", max_retries: 0, stop_after: { consecutive: 3 } }) { raise "bad deploy" }
    wait_until("the stop") { stopped.size == 1 }
    expect(dead(3).size).to eq(3)
    wait_until("the commit") { committed("app", "orders") == 3 }
    stopped.pop.resume
    wait_until("the rest") { committed("app", "orders") == 5 }
    expect(dead(5).map(&:first)).to eq(%w[1 2 3 4 5])
  end

  it "are not dead-lettered where the process ends, which commits nothing" do
    produce("orders", %w[1])
    start(dead_letter_queue: { topic: "dead", max_retries: 0 }) { raise NoMemoryError }
    wait_until("the end") { Karafka::Server.status.to_s.start_with?("stop", "terminat") }
    expect([committed("app", "orders"), watermark("dead")]).to eq([nil, 0])
  end

  it "move to the retry topic where there is one, and come back from there" do
    seen = self.seen
    broker.create_topic("orders.retry.1", 1)
    produce("orders", %w[1 2 3])
    start(dead_letter_queue: { topic: "dead" }, retry_topics: { delays: [100] }) do
      messages.each do |message|
        raise "two" if message.payload == 2 && topic.name == "orders"

        seen << [message.topic, message.payload, message.headers["source_offset"]]
        mark_as_consumed(message)
      end
    end
    expect(processed(3)).to contain_exactly(["orders", 1, nil], ["orders", 3, nil], ["orders.retry.1", 2, "1"])
    wait_until("the commits") { committed("app", "orders") == 3 && committed("app", "orders.retry.1") == 1 }
    expect(watermark("dead")).to eq(0)
  end

  it "are postponed without an error" do
    seen = self.seen
    errors = Queue.new
    Karafka.monitor.subscribe("error.occurred") { |event| errors << event[:type] unless event[:type] == "librdkafka.error" }
    produce("orders", %w[1])
    start(dead_letter_queue: { topic: "dead", max_retries: 0 }) do
      seen << [attempt, Process.clock_gettime(Process::CLOCK_MONOTONIC)]
      raise Karafka::RetryLater.new(in: 200) if attempt < 3
    end
    calls = processed(3)
    expect(calls.map(&:first)).to eq([1, 2, 3])
    expect(calls[2][1] - calls[0][1]).to be >= 0.4
    wait_until("the commit") { committed("app", "orders") == 1 }
    expect(errors).to be_empty
  end
end

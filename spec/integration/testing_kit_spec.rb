# frozen_string_literal: true

require "spec_helper"
require "support/testing_kit"

RSpec.describe Karafka::Testing::Cluster do
  include TestingKit

  let(:seen) { Queue.new }
  let(:seen_by) do
    seen = self.seen
    consumer_class { define_method(:consume) { messages.each { |message| seen << message.raw_payload } } }
  end

  def threads = Thread.list.size

  it "runs the application, producer and consumers, and puts everything back" do
    orders(seen_by)
    before = threads
    kafka = Karafka::App.config.kafka.to_h
    answer = karafka.cluster(topics: { orders: 2 }) do |cluster|
      cluster.start
      Karafka.producer.produce_many_sync(Array.new(10) { |index| { topic: "orders", payload: index.to_s, key: index.to_s } })
      cluster.wait_until("all") { seen.size == 10 }
      Karafka.producer.partition_count("orders")
    end
    expect([answer, drain(seen).sort, karafka.produced_messages]).to eq([2, ("0".."9").to_a, []])
    expect(Karafka::App.config.kafka.to_h).to eq(kafka)
    karafka.produce("1", topic: "orders")
    expect(karafka).to have_produced("orders").once
    expect(threads).to eq(before)
  end

  it "keeps the middleware and the subscribers of the application's producer" do
    orders(seen_by)
    acknowledged = Queue.new
    Karafka.producer.middleware.append(->(message) { message.merge(payload: "#{message[:payload]}!") })
    Karafka.producer.monitor.subscribe("message.acknowledged") { |event| acknowledged << event[:offset] }
    karafka.cluster do |cluster|
      cluster.start
      Karafka.producer.produce_sync(topic: "orders", payload: "1")
      cluster.wait_until("it") { seen.size == 1 }
    end
    expect([seen.pop, acknowledged.pop]).to eq(["1!", 0])
  end

  it "lets brokers fail: refused requests, slow answers, one that is down" do
    orders(seen_by)
    karafka.cluster(brokers: 3, topics: { orders: 1 }) do |cluster|
      cluster.fail_requests(:produce, :not_leader_for_partition, times: 2)
      expect(Karafka.producer.produce_sync(topic: "orders", payload: "1").offset).to eq(0)
      cluster.fail_requests("Produce", :topic_authorization_failed)
      expect { Karafka.producer.produce_sync(topic: "others", payload: "2") }.to raise_error(WaterDrop::Errors::ProduceError, /authori/i)
      cluster.slow(200)
      started = Karafka::Clock.now
      Karafka.producer.produce_sync(topic: "orders", payload: "3")
      expect(Karafka::Clock.now - started).to be >= 0.2
      cluster.slow(0)
      (1..3).each { |id| cluster.broker_down(id) }
      handle = Karafka.producer.produce_async(topic: "orders", payload: "4")
      (1..3).each { |id| cluster.broker_up(id) }
      expect(handle.wait.offset).to eq(2)
    end
  end

  it "says what cannot be" do
    expect { karafka.cluster { nil } }.to raise_error(Karafka::Testing::Errors::KarafkaNotInitializedError)
    orders
    expect { karafka.cluster }.to raise_error(Karafka::Testing::Errors::UsageError, /needs a block/)
    karafka.cluster do |cluster|
      expect { karafka.cluster { nil } }.to raise_error(Karafka::Testing::Errors::UsageError, /only one at a time/)
      expect do
        cluster.fail_requests(:produce, :not_leader_for_partitions)
      end.to raise_error(Karafka::Testing::Errors::UsageError, /Did you mean/)
      expect do
        cluster.wait_until("rain", seconds: 0) do
          nil
        end
      end.to raise_error(Karafka::Testing::Errors::UsageError, "waited for rain for 0 s")
    end
  end

  it "ends also where the block raises" do
    orders
    expect { karafka.cluster { |cluster| (cluster.start && raise("no")) || raise("no") } }.to raise_error("no")
    expect([Karafka::App.running?, karafka.cluster { 1 }]).to eq([false, 1])
  end

  # The stand-in's rules are the engine's: the same consumer, the same messages, with and without it.
  describe "karafka.run, compared with the engine" do
    def recording(given, each)
      consumer_class do
        define_method(:consume) do
          given << messages.offsets
          messages.each do |message|
            raise "bad" if message.raw_payload == "x"

            instance_exec(message, &each)
          end
        end
      end
    end

    # @return [Array] offsets of each batch, and of the dead letters
    def of_kit(payloads, given)
      Karafka::App.config.pause.timeout = Karafka::App.config.pause.max_timeout = 10
      consumer = karafka.consumer_for(:orders)
      payloads.each { |payload| karafka.produce_to(consumer, payload) }
      dead = karafka.run(consumer).dead_letters.map { |one| one[:headers]["source_offset"].to_i }
      [drain(given), dead]
    end

    # @return [Array] the same of a server
    def of_engine(payloads, given, expected)
      dead = Queue.new
      Karafka.monitor.subscribe("dead_letter_queue.dispatched") { |event| dead << event[:message].offset }
      karafka.cluster(topics: { orders: 1 }) do |cluster|
        Karafka.producer.produce_many_sync(payloads.map { |payload| { topic: "orders", payload: payload } })
        cluster.start
        cluster.wait_until("as many batches") { expected.map(&:size) == [given.size, dead.size] }
        cluster.stop
      end
      [drain(given), drain(dead)]
    end

    payloads = %w[1 x 3 x 5]
    {
      "with retries" => [proc { dead_letter_queue topic: "dead", max_retries: 2 }, proc {}],
      "with marks" => [proc { dead_letter_queue topic: "dead", max_retries: 2 }, proc { |message| mark_as_consumed(message) }],
      "with a count for each message" =>
        [proc { dead_letter_queue topic: "dead", max_retries: 1, independent: true }, proc { |message| mark_as_consumed(message) }],
      "without retries" => [proc { dead_letter_queue topic: "dead", max_retries: 0 }, proc {}],
      "with two messages at a time" => [proc {
                                          dead_letter_queue topic: "dead", max_retries: 1
                                          max_messages 2
                                        }, proc {}],
      "by hand" => [proc {
                      manual_offset_management true
                      dead_letter_queue topic: "dead", max_retries: 1, mark_after_dispatch: true
                    }, proc { |message| mark_as_consumed(message) }]
    }.each do |name, (settings, each)|
      it "gives the same batches and dead letters, #{name}" do
        given = Queue.new
        orders(recording(given, each), &settings)
        expected = of_kit(payloads, given)
        expect(expected.last).to eq([1, 3])
        expect(of_engine(payloads, given, expected)).to eq(expected)
      end
    end
  end
end

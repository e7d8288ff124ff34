# frozen_string_literal: true

require_relative "../spec_helper"
require_relative "../support/real_kafka"
require_relative "../support/topic_reader"

RSpec.describe "a topic that is made again on real Kafka", deadline: 300 do
  include RealKafka

  after do
    @reader&.close
    stop_application
  end

  def make_again(topic, partitions: 1)
    cluster.delete_topic(topic)
    wait_until("the new topic") do
      cluster.create_topic(topic, partitions: partitions)
    rescue StandardError
      false
    end
  end

  def fill(topic, range)
    producer.produce_many_sync(range.map { |number| { topic: topic, payload: number.to_s, partition: 0 } })
  end

  it "is read from its beginning, and is told about" do
    topic = cluster.create_topic
    seen = Queue.new
    told = Queue.new
    consume(topic) { messages.each { |message| seen << message.raw_payload.to_i } }
    Karafka.monitor.subscribe("error.occurred") { |event| told << event.payload }
    fill(topic, 0...20)
    wait_until("the commit") { committed(topic) == 20 }
    make_again(topic)
    fill(topic, 1_000...1_100)
    wait_until("all of it") { committed(topic) == 100 }
    expect(drain(seen)).to eq([*0...20, *1_000...1_100])
    wait_until("the report") { !told.empty? }
    expect(drain(told).find { |event| event[:type] == "connection.topic_recreated.error" }).to include(topic: topic, partitions: [0])
  end

  it "counts each message once with exactly_once, also where a batch of the old one is with a worker" do
    topic = cluster.create_topic
    target = cluster.create_topic
    held = Queue.new
    consume(topic, settings: { exactly_once: true, max_messages: 10 }) do
      messages.each { |message| produce_async(topic: target, payload: message.raw_payload) }
      held.pop if messages.last.raw_payload == "19"
    end
    fill(topic, 0...20)
    wait_until("the last batch of the old one is with a worker") { held.num_waiting == 1 }
    make_again(topic)
    fill(topic, 1_000...1_200)
    held << true
    wait_until("all of it") { committed(topic) == 200 }
    @reader = TopicReader.new(cluster.bootstrap_servers, target)
    rows = -> { @reader.rows.map { |row| row.payload.to_i }.select { |number| number >= 1_000 } }
    wait_until("all of it, in the target") { rows.call.size >= 200 }
    expect(rows.call).to eq([*1_000...1_200])
  end
end

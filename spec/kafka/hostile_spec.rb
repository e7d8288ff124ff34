# frozen_string_literal: true

require_relative "../spec_helper"
require_relative "../support/real_kafka"

# What producers and brokers may do to a consumer.
RSpec.describe "consuming from real Kafka", deadline: 300 do
  include RealKafka

  let(:seen) { Queue.new }
  let(:topic) { cluster.create_topic }

  after { stop_application }

  def rows(count)
    wait_until("#{count} messages") { seen.size >= count }
    drain(seen)
  end

  it "reads headers, keys and payloads of any bytes, empty ones and none" do
    bytes = "\xFF\xFE\x00\x80".b
    producer.produce_many_sync([
                                 { topic: topic, payload: bytes, key: bytes, headers: { "bin" => bytes, "empty" => "" } },
                                 { topic: topic, payload: "", key: "", headers: { "twice" => %w[a b] } },
                                 { topic: topic, payload: nil, key: nil }
                               ])
    seen = self.seen
    consume(topic) do
      messages.each do |message|
        headers = message.raw_headers.transform_values { |value| value.is_a?(String) ? value.b : value }
        seen << [message.raw_payload&.b, message.raw_key&.b, headers]
      end
    end
    expect(rows(3)).to eq([
                            [bytes, bytes, { "bin" => bytes, "empty" => "" }],
                            ["", "", { "twice" => %w[a b] }],
                            [nil, nil, {}]
                          ])
  end

  it "reads messages of 10 MB among small ones, in order" do
    big = cluster.create_topic(config: { "max.message.bytes" => 12_000_000 })
    large = WaterDrop::Producer.new do |config|
      config.kafka = { "bootstrap.servers": cluster.bootstrap_servers, "message.max.bytes": 12_000_000 }
      config.max_payload_size = 12_000_000
    end
    sizes = [10, 10_000_000, 20, 10_000_000, 30]
    sizes.each { |size| large.produce_sync(topic: big, payload: "x" * size) }
    large.close
    seen = self.seen
    consume(big) { messages.each { |message| seen << message.raw_payload.bytesize } }
    expect(rows(5)).to eq(sizes)
  end

  it "says where a payload is that is no JSON, and tries it again without losing what follows" do
    producer.produce_many_sync(['{"id":1}', "{not json", '{"id":3}'].map { |payload| { topic: topic, payload: payload } })
    errors = Queue.new
    Karafka.monitor.subscribe("error.occurred") { |event| errors << event[:error] }
    seen = self.seen
    consume(topic) do
      messages.each do |message|
        seen << [message.offset, attempt > 2 && message.offset == 1 ? :skipped : message.payload["id"]]
        mark_as_consumed(message)
      end
    end
    found = wait_until("the third message") { (@all = (@all || []) + drain(seen)).any? { |row| row[0] == 2 } && @all }
    expect(found).to eq([[0, 1], [1, :skipped], [2, 3]])
    error = errors.pop
    expect(error).to be_a(Karafka::Errors::DeserializationError)
    expect([error.topic, error.partition, error.offset]).to eq([topic, 0, 1])
    expect { wait_until { committed(topic) == 3 } }.not_to raise_error
  end

  it "pluck names the message that cannot be decoded" do
    producer.produce_many_sync(['{"id":1}', "{not json"].map { |payload| { topic: topic, payload: payload } })
    seen = self.seen
    consume(topic) do
      seen << messages.pluck("id")
    rescue Karafka::Errors::DeserializationError => e
      seen << e.offset
    end
    # The first message may come alone.
    found = []
    wait_until("the offset of the error") { found.concat(drain(seen)).include?(1) }
    expect(found.take_while { |row| row != 1 } - [[1]]).to eq([])
  end

  it "goes on with its other topics when one is deleted" do
    doomed = cluster.create_topic
    seen = self.seen
    producer.produce_sync(topic: doomed, payload: "1")
    producer.produce_sync(topic: topic, payload: "1")
    consume(doomed, topic) { messages.each { |message| seen << [message.topic, message.raw_payload] } }
    expect(rows(2)).to contain_exactly([doomed, "1"], [topic, "1"])
    cluster.delete_topic(doomed)
    3.times do |index|
      producer.produce_sync(topic: topic, payload: "after #{index}")
      expect(rows(1)).to eq([[topic, "after #{index}"]])
    end
    expect(Karafka::Server.status).to eq(:running)
  end
end

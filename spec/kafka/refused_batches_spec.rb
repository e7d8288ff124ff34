# frozen_string_literal: true

require_relative "../spec_helper"
require_relative "../support/real_kafka"
require "support/topic_reader"

# A broker accepts or refuses a batch as a whole. Only the messages that are at fault may fail.
RSpec.describe "a batch that the broker refuses" do
  include RealKafka

  after do
    made_producers.each(&:close)
    stop_application
  end

  def made_producers
    @made_producers ||= []
  end

  # Waits long enough for all messages of an example to be in one batch.
  def made(kafka = {}, &block)
    servers = cluster.bootstrap_servers
    made_producers << WaterDrop::Producer.new do |config|
      config.kafka = { "bootstrap.servers": servers, "linger.ms": 50, log_level: 0 }.merge(kafka)
      config.logger = Logger.new(@log ||= StringIO.new)
      block&.call(config)
    end
    made_producers.last
  end

  # [payload, code of its error or nil] of each
  def outcomes(messages, handles)
    messages.zip(handles).to_h { |message, handle| [message[:payload], handle.wait(raise_response_error: false).error&.code] }
  end

  def payloads_of(topic, count)
    reader = TopicReader.new(cluster.bootstrap_servers, topic)
    reader.wait_for(count).map(&:payload)
  ensure
    reader.close
  end

  def keyed(topic, count, without:)
    Array.new(count) { |index| { topic: topic, key: (index.to_s unless without.include?(index)), partition: 0, payload: index.to_s } }
  end

  def compacted
    cluster.create_topic(config: { "cleanup.policy" => "compact" })
  end

  [1, 3].each do |culprits|
    it "has #{culprits} messages without a key for a compacted topic: only these fail, the others are stored once and in order" do
      topic = compacted
      messages = Array.new(20) { |index| { topic: topic, partition: 0, key: index.to_s, payload: index.to_s } }
      wrong = (5...(5 + culprits)).to_a.each { |index| messages[index].delete(:key) }
      handles = made.produce_many_async(messages)
      expected = messages.each_index.to_h { |index| [index.to_s, wrong.include?(index) ? :invalid_record : nil] }
      expect(outcomes(messages, handles)).to eq(expected)
      expect(payloads_of(topic, 20 - culprits)).to eq((0...20).to_a.difference(wrong).map(&:to_s))
      expect { handles[wrong.first].wait }.to raise_error(WaterDrop::Errors::ProduceError, /has no key.*cleanup\.policy/)
    end
  end

  it "has an absurd timestamp of another thread" do
    topic = cluster.create_topic
    sender = made
    late = Thread.new do
      Array.new(20) { |index| sender.produce_async(topic: topic, payload: "late #{index}", timestamp: 4_102_444_800_000) }
    end
    good = Array.new(200) { |index| sender.produce_async(topic: topic, payload: index.to_s) }
    expect(good.map { |handle| handle.wait(raise_response_error: false).error&.code }).to all(be_nil)
    expect(late.value.map { |handle| handle.wait(raise_response_error: false).error&.code }).to all(eq(:invalid_timestamp))
    expect(payloads_of(topic, 200)).to match_array((0...200).map(&:to_s))
  end

  it "is too large for the topic, which would take each of its messages" do
    topic = cluster.create_topic(config: { "max.message.bytes" => 20_000 })
    messages = Array.new(100) { |index| { topic: topic, payload: index.to_s.ljust(1_000, ".") } }
    messages[50][:payload] = "50".ljust(30_000, ".")
    handles = made.produce_many_async(messages)
    failed = outcomes(messages, handles).compact
    expect(failed).to eq(messages[50][:payload] => :msg_size_too_large)
    expect(payloads_of(topic, 99)).to eq(messages.map { |message| message[:payload] } - failed.keys)
    expect { handles[50].wait }.to raise_error(WaterDrop::Errors::ProduceError, /30_?\d{3} bytes.*max\.message\.bytes/)
  end

  it "is told of: how many are sent again, from which partition, and why" do
    topic = compacted
    sender = made
    told = Queue.new
    sender.monitor.subscribe("messages.resent") { |event| told << event }
    sender.produce_many_async(keyed(topic, 10, without: [4])).each { |handle| handle.wait(raise_response_error: false) }
    event = told.pop
    expect(event.payload).to include(topic: topic, partition: 0, messages: 9, refused: 1)
    expect(event[:error].code).to eq(:invalid_record)
  end

  it "has nobody who listens: the log has a line, with what to do where the batch is too large" do
    topic = cluster.create_topic(config: { "max.message.bytes" => 2_000 })
    sender = made
    sender.produce_many_sync(Array.new(10) { { topic: topic, payload: "x" * 500 } })
    expect(@log.string).to match(%r{#{topic}/0 refused a batch \(msg_size_too_large\)\. Sent again: its 10 messages\. Set "batch\.size"})
  end

  it "fails as a whole where a strict order is asked for; the others say that they may be sent again" do
    topic = compacted
    sender = made { |config| config.on_refused_batch = :fail }
    messages = keyed(topic, 10, without: [4])
    handles = sender.produce_many_async(messages)
    errors = handles.map { |handle| handle.wait(raise_response_error: false).error }
    expect(errors.map(&:code)).to eq(Array.new(10) { |index| index == 4 ? :invalid_record : :invalid_different_record })
    expect(errors.map(&:retryable?)).to eq(Array.new(10) { |index| index != 4 })
    expect(errors.first.message).to match(/in a batch that the broker refused because of other messages \(invalid_record\)/)
    expect(cluster.watermarks(topic).values.sum(&:last)).to eq(0)
  end

  it "names the message that is at fault where several were sent in one call, not the first of its batch" do
    topic = compacted
    sender = made { |config| config.on_refused_batch = :fail }
    messages = keyed(topic, 10, without: [4, 7])
    expect { sender.produce_many_sync(messages) }
      .to raise_error(WaterDrop::Errors::ProduceManyError, /\Amessage 4 of 10: .*has no key.*; also 7\z/)
  end

  it "is a part of a transaction: nothing of that is stored, and its error names those at fault, and only them" do
    topic = compacted
    sender = made("transactional.id": SecureRandom.hex(6))
    handles = nil
    transaction = lambda do
      sender.transaction do
        handles = keyed(topic, 10, without: [4]).map { |message| sender.produce_async(message) }
      end
    end
    expect(&transaction).to raise_error(WaterDrop::Errors::TransactionError) { |error|
      expect(error.message.scan(/a message to #{topic} was not delivered: .*? \(\w+\)/)).to match([/has no key.* \(invalid_record\)\z/])
    }
    codes = handles.map { |handle| handle.wait(raise_response_error: false).error.code }
    expect(codes[4]).to eq(:invalid_record)
    expect(codes - [:invalid_record]).to all(eq(:invalid_different_record).or(eq(:purge_queue)).or(eq(:purge_inflight)))
    reader = TopicReader.new(cluster.bootstrap_servers, topic)
    # Read by a transaction of another producer, which comes behind what was aborted.
    made("transactional.id": SecureRandom.hex(6)).produce_sync(topic: topic, key: "k", partition: 0, payload: "the next")
    expect(reader.wait_for(1).map(&:payload)).to eq(["the next"])
  ensure
    reader&.close
  end

  it "keeps key, headers and timestamp of a message that is sent again, byte for byte" do
    topic = cluster.create_topic(config: { "max.message.bytes" => 2_000 })
    headers = { "b" => ["1", "", nil, "\xFF"], "a" => "2" }
    at = (Time.now.to_f * 1_000).to_i - 60_000
    messages = Array.new(10) { |index| { topic: topic, key: "k#{index}", payload: "x" * 500, headers: headers, timestamp: at + index } }
    messages << { topic: topic, key: "", payload: nil, headers: headers, timestamp: at + 10 }
    made.produce_many_sync(messages)
    reader = TopicReader.new(cluster.bootstrap_servers, topic)
    rows = reader.wait_for(11)
    expect(rows.map(&:key)).to eq([*Array.new(10) { |index| "k#{index}" }, ""])
    expect(rows.map(&:payload)).to eq([*["x" * 500] * 10, nil])
    expect(rows.map { |row| row.headers.to_h }.uniq).to eq([headers])
    expect(rows.map(&:timestamp_ms)).to eq(Array.new(11) { |index| at + index })
  ensure
    reader&.close
  end

  it "has dead letters that are small enough each: all of them keep their payload", deadline: 120 do
    source = cluster.create_topic(partitions: 6)
    dead = cluster.create_topic(config: { "max.message.bytes" => 6_000 })
    payloads = Array.new(60) { |index| "#{index} ".ljust(3_400, "x") }
    made.produce_many_sync(payloads.each_with_index.map { |payload, index| { topic: source, partition: index % 6, payload: payload } })
    settings = { max_messages: 1, dead_letter_queue: { topic: dead, max_retries: 0, too_large: :without_payload } }
    consume(source, settings: settings, kafka: { "linger.ms": 100 }) { raise "no" }
    expect(payloads_of(dead, 60).sort).to eq(payloads.sort)
  end

  it "is waited for by a close" do
    topic = cluster.create_topic(config: { "max.message.bytes" => 2_000 })
    sender = made
    handles = Array.new(200) { |index| sender.produce_async(topic: topic, payload: index.to_s.ljust(500, ".")) }
    expect(sender.close).to eq(0)
    expect(handles.map { |handle| handle.wait.offset }).to eq((0...200).to_a)
  end

  it "is given up by a purge, with a report for each message" do
    topic = cluster.create_topic(config: { "max.message.bytes" => 2_000 })
    # Then each message goes alone, which takes its time.
    sender = made("compression.codec": "lz4")
    resent = Queue.new
    sender.monitor.subscribe("messages.resent") { |event| resent << event }
    handles = sender.produce_many_async(Array.new(900) { |index| { topic: topic, payload: index.to_s + SecureRandom.hex(250) } })
    resent.pop
    sender.purge
    codes = handles.map { |handle| handle.wait(max_wait_timeout_ms: 20_000, raise_response_error: false).error&.code }
    expect(codes.uniq - [nil, :purge_queue, :purge_inflight]).to eq([])
    expect(codes).to include(:purge_queue)
    expect(cluster.watermarks(topic).values.sum(&:last)).to be_between(codes.count(nil), codes.count(nil) + codes.count(:purge_inflight))
  end
end

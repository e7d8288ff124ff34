# frozen_string_literal: true

require_relative "../../spec_helper"
require_relative "../../support/ruby_kafka_app"

RSpec.describe Kafka::Producer, "on real Kafka" do
  include RubyKafkaApp

  it "delivers one message, with key, headers and partition" do
    kafka.deliver_message("one", topic: topic, key: "k", headers: { "a" => "b" }, partition: 2)
    message = kafka.fetch_messages(topic: topic, partition: 2, offset: :earliest).first
    expect([message.value, message.key, message.headers, message.offset, message.topic, message.partition, message.is_control_record])
      .to eq(["one", "k", { "a" => "b" }, 0, topic, 2, false])
    expect(message.create_time).to be_within(60).of(Time.now)
    kafka.close
  end

  it "sends what was buffered: by partition, partition key or key, with its time" do
    producer = kafka.producer
    time = Time.at(1_500_000_000)
    producer.produce("a", topic: topic, partition: 1, create_time: time)
    producer.produce("b", topic: topic, key: "x", partition_key: "other")
    producer.produce(nil, topic: topic, key: "yolo")
    producer.deliver_messages
    expect(producer.buffer_size).to eq(0)
    messages = consumed(consumer, 3).to_h { |message| [message.value, message] }
    expect(messages["a"]).to have_attributes(partition: 1, create_time: time, key: nil)
    expect(messages["b"]).to have_attributes(partition: Zlib.crc32("other") % 3, key: "x")
    expect(messages[nil]).to have_attributes(partition: Zlib.crc32("yolo") % 3)
    producer.shutdown
  end

  it "asks a partitioner of the application's" do
    by_value = ->(count, message) { Integer(message.value) % count }
    producer = Kafka.new(cluster.bootstrap_servers, partitioner: by_value).producer
    5.times { |number| producer.produce(number.to_s, topic: topic, key: "same") }
    producer.deliver_messages
    expect(consumed(consumer, 5).to_h { |message| [message.value.to_i, message.partition] }).to eq(0 => 0, 1 => 1, 2 => 2, 3 => 0, 4 => 1)
    producer.shutdown
  end

  it "sends headers of any class as text, with and without waiting" do
    headers = { a: 1, "b" => nil, "c" => ["x", :y] }
    kafka.deliver_message("one", topic: topic, partition: 0, headers: headers)
    kafka.deliver_message("none", topic: topic, partition: 0, headers: nil)
    producer = kafka.async_producer
    producer.produce("two", topic: topic, partition: 0, headers: headers)
    producer.shutdown
    expect(consumed(consumer, 3).to_h { |message| [message.value, message.headers] })
      .to eq("one" => { "a" => "1", "b" => "", "c" => %w[x y] }, "none" => {}, "two" => { "a" => "1", "b" => "", "c" => %w[x y] })
  end

  it "connects again after a shutdown" do
    producers = [kafka.producer, kafka.async_producer]
    %w[before after].each do |when_it_was|
      producers.each do |producer|
        producer.produce("#{when_it_was} #{producer.class}", topic: topic)
        producer.deliver_messages
        producer.shutdown
      end
    end
    expect(consumed(consumer, 4).map(&:value))
      .to contain_exactly("before Kafka::Producer", "before Kafka::AsyncProducer", "after Kafka::Producer", "after Kafka::AsyncProducer")
  end

  it "keeps only what was refused" do
    producer = kafka.producer(max_retries: 0, max_buffer_bytesize: 100_000_000)
    producer.produce("small", topic: topic, partition: 0)
    producer.produce("x" * 2_000_000, topic: topic, partition: 1)
    expect { producer.deliver_messages }.to raise_error(Kafka::DeliveryFailed) { |error|
      expect(error.failed_messages.map(&:bytesize)).to eq([2_000_000])
      expect(error.cause).to be_a(Kafka::MessageSizeTooLarge)
    }
    expect([producer.buffer_size, kafka.last_offsets_for(topic)[topic].values_at(0, 1)]).to eq([1, [0, -1]])
    producer.clear_buffer
    producer.shutdown
  end

  it "tells of what it does in ActiveSupport::Notifications" do
    producer = kafka.producer
    seen = events(/producer\.kafka\z/) do
      producer.produce("a", topic: topic)
      producer.deliver_messages
    end
    producer.shutdown
    expect(seen.map(&:name)).to eq(%w[produce_message.producer.kafka ack_message.producer.kafka deliver_messages.producer.kafka])
    expect(seen.first.payload).to include(client_id: "spec", topic: topic, value: "a", buffer_size: 1, max_buffer_size: 1_000)
    expect(seen[1].payload).to include(offset: 0, partition: an_instance_of(Integer))
    expect(seen.last.payload).to include(message_count: 1, delivered_message_count: 1)
  end

  it "sends in the background by number, by time, when asked and at the end" do
    by_number = kafka.async_producer(delivery_threshold: 3)
    2.times { by_number.produce("a", topic: topic) }
    expect(kafka.last_offsets_for(topic)[topic].values.sum).to eq(-3)
    by_number.produce("a", topic: topic)
    wait_until("three") { kafka.last_offsets_for(topic)[topic].values.sum.zero? }
    by_time = kafka.async_producer(delivery_interval: 0.05)
    by_time.produce("b", topic: topic)
    wait_until("four") { kafka.last_offsets_for(topic)[topic].values.sum == 1 }
    asked = kafka.async_producer
    asked.produce("c", topic: topic)
    asked.deliver_messages
    wait_until("five") { kafka.last_offsets_for(topic)[topic].values.sum == 2 }
    asked.produce("d", topic: topic, partition_key: "x")
    [by_number, by_time, asked].each(&:shutdown)
    expect(kafka.last_offsets_for(topic)[topic].values.sum).to eq(3)
  end

  it "keeps the order of what is sent in the background, also with partition keys, and in a forked child" do
    producer = kafka.async_producer(delivery_threshold: 10, max_queue_size: 10_000)
    300.times { |number| producer.produce("parent #{number}", topic: topic, partition_key: "x") }
    pid = fork do
      300.times { |number| producer.produce("child #{number}", topic: topic, partition_key: "x") }
      producer.shutdown
      exit!(0)
    end
    expect(wait_for_exit(pid)).to be_success
    producer.shutdown
    values = consumed(consumer, 600).map(&:value)
    %w[parent child].each do |who|
      expect(values.select { |value| value.start_with?(who) }).to eq(Array.new(300) { |number| "#{who} #{number}" })
    end
  end

  describe "transactions" do
    let(:producer) { kafka.producer(transactional: true, transactional_id: SecureRandom.hex(6)) }

    it "show all or nothing" do
      producer.init_transactions
      producer.begin_transaction
      producer.produce("aborted", topic: topic)
      producer.deliver_messages
      producer.abort_transaction
      producer.transaction do
        producer.produce("committed", topic: topic)
        producer.deliver_messages
      end
      producer.transaction { raise Kafka::Producer::AbortTransaction }
      expect { producer.transaction { raise "other" } }.to raise_error("other")
      producer.begin_transaction
      producer.produce("last", topic: topic)
      producer.deliver_messages
      producer.commit_transaction
      expect(consumed(consumer, 2).map(&:value)).to contain_exactly("committed", "last")
      producer.shutdown
    end

    it "commit a consumer's offsets together with what they send" do
      target = cluster.create_topic
      3.times { |number| kafka.deliver_message(number.to_s, topic: topic, partition: 0) }
      producer.init_transactions
      source = consumer(offset_commit_interval: 0)
      source.each_batch(automatically_mark_as_processed: false) do |batch|
        producer.transaction do
          batch.messages.each { |message| producer.produce(message.value, topic: target) }
          producer.deliver_messages
          producer.send_offsets_to_transaction(batch: batch, group_id: group)
        end
        source.stop if batch.last_offset == 2
      end
      expect([committed, kafka.fetch_messages(topic: target, partition: 0, offset: :earliest).map(&:value)]).to eq([{ 0 => 3 }, %w[0 1 2]])
      producer.shutdown
    end
  end
end

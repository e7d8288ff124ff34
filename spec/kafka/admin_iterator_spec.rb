# frozen_string_literal: true

require_relative "../spec_helper"
require_relative "../support/administration"
require_relative "../support/real_kafka"

RSpec.describe Karafka::Admin::Iterator do
  include RealKafka
  include Administration

  before { set_up }

  after do
    stop_application
    close_producer
  end

  let(:topic) { topic_with(*(0...10).map(&:to_s)) }

  def read(*topics, **options) = described_class.new(*topics, **options).map(&:raw_payload)

  it "reads from the beginning to the end as it was, and commits nothing" do
    expect(read(topic)).to eq(("0".."9").to_a)
    expect(Karafka::Admin::ConsumerGroups.list.map(&:id).grep(/admin/)).to eq([])
  end

  it "reads ranges of offsets, the last messages, and by time" do
    expect(read(topic, from: 3, to: 6)).to eq(%w[3 4 5])
    expect(read(topic, from: -2)).to eq(%w[8 9])
    expect(read(topic, from: -100).size).to eq(10)
    expect(read(topic, from: { 0 => 8 })).to eq(%w[8 9])
    expect(read(topic, from: :latest)).to eq([])
    expect(read(topic, from: 99)).to eq([])
    middle = described_class.new(topic).to_a.last.timestamp
    expect(read(topic, to: middle - 3_600)).to eq([])
    expect(read(topic, from: middle - 3_600, to: middle + 3_600).size).to eq(10)
    expect(read(topic, from: Time.now + 3_600)).to eq([])
  end

  it "reads several topics and chosen partitions, each in its order" do
    other = cluster.create_topic(partitions: 3)
    Karafka.producer.produce_many_sync((0...30).map { |index| { topic: other, payload: index.to_s, partition: index % 3 } })
    found = described_class.new([topic, other], partitions: nil).group_by { |message| [message.topic, message.partition] }
    expect(found.keys).to contain_exactly([topic, 0], *(0..2).map { |partition| [other, partition] })
    expect(found.values.map { |messages| messages.map(&:offset) }).to all(eq((0...10).to_a))
    expect(read(other, partitions: [1]).map(&:to_i)).to eq((0...10).map { |index| (index * 3) + 1 })
  end

  it "reads only messages of a key, as a topic's `only` does" do
    name = cluster.create_topic
    Karafka.producer.produce_many_sync(%w[a b a].each_with_index.map { |key, index| { topic: name, key: key, payload: index.to_s } })
    expect(read(name, key: "a")).to eq(%w[0 2])
    expect(read(name, only: { key: /b/ })).to eq(%w[1])
  end

  it "decodes with the deserializers of the route" do
    name = topic
    Karafka::App.routes.draw do
      topic(name) do
        active false
        deserializer ->(message) { message.raw_payload.to_i * 10 }
      end
    end
    expect(Karafka.each_message(name, from: -1).map(&:payload).to_a).to eq([90])
  end

  it "is lazy: what is not asked for is not read, and the client is closed" do
    name = topic
    threads = OsThreads.ours.size
    expect(Karafka.each_message(name).map(&:raw_payload).first(2)).to eq(%w[0 1])
    found = []
    Karafka.each_message(name) { |message| break if found.push(message.offset).any? }
    expect(found).to eq([0])
    # In a thread of its own, so that nothing on this stack refers to it: the garbage collector closes what is left.
    Thread.new { described_class.new(name).each.then { |one| found.push(one.next.offset, one.next.offset) } }.join
    expect(found).to eq([0, 0, 1])
    wait_until("librdkafka's threads to end") { GC.start || OsThreads.ours.size <= threads }
  end

  it "goes on at the end until it is stopped, from its block or from another thread" do
    name = topic
    iterator = described_class.new(name, from: :latest, to: nil)
    found = Queue.new
    reading = Thread.new { iterator.each { |message| found << message.raw_payload } }
    wait_until("the reader") do
      Karafka.producer.produce_sync(topic: name, payload: "new")
      !found.empty?
    end
    iterator.stop
    expect(reading.join(60)).to be(reading)
    from_block = described_class.new(name, to: nil)
    from_block.each { |message| from_block.stop if message.offset == 4 }
  end

  it "ends a wait when the thread is killed or a time is over" do
    iterator = described_class.new(topic, from: :latest, to: nil)
    started = Karafka::Clock.now
    expect { Timeout.timeout(0.3) { iterator.to_a } }.to raise_error(Timeout::Error)
    expect(Karafka::Clock.now - started).to be < 45
  end

  it "leaves aborted transactions out, and ends behind them" do
    name = cluster.create_topic
    servers = cluster.bootstrap_servers
    producer = WaterDrop::Producer.new { |c| c.kafka = { "bootstrap.servers": servers, "transactional.id": unused_name("tx") } }
    producer.transaction { producer.produce_sync(topic: name, payload: "kept") }
    producer.transaction do
      producer.produce_sync(topic: name, payload: "aborted")
      raise WaterDrop::AbortTransaction
    end
    expect(read(name)).to eq(%w[kept])
    expect(read(name, kafka: { "isolation.level": "read_uncommitted" })).to eq(%w[kept aborted])
  ensure
    producer&.close
  end

  it "refuses what makes no sense, and says that a topic is missing" do
    wrong = Karafka::Errors::InvalidConfigurationError
    expect { read(topic, from: "soon") }.to raise_error(wrong, /from is "soon", but must be :earliest/)
    expect { read(topic, to: -1) }.to raise_error(wrong, /to is -1/)
    expect { read(topic, partitions: [4]) }.to raise_error(wrong, /partitions is \[4\], but must be partitions of the topic .*0 to 0/)
    expect { read(topic, form: 1) }.to raise_error(ArgumentError, /form/)
    expect { read(unused_name) }.to fail_with(:unknown_topic_or_part, /cluster_info lists/)
  end

  it "reads single messages with read_topic" do
    admin = Karafka::Admin
    expect(admin.read_topic(topic, 0, 2).map(&:raw_payload)).to eq(%w[8 9])
    expect(admin.read_topic(topic, 0, 2, 3).map(&:offset)).to eq([3, 4])
    expect(admin.read_topic(topic, 0, 3, Time.now - 3_600).map(&:offset)).to eq([0, 1, 2])
    expect(admin.read_topic(topic, 0, 100, 0, "fetch.message.max.bytes": 1_000).size).to eq(10)
    expect(admin.read_topic(topic, 0, 1).first).to have_attributes(topic: topic, partition: 0, payload: 9)
    expect { admin.read_topic(unused_name, 0, 1) }.to fail_with(:unknown_topic_or_part)
    expect { admin.read_topic(topic, 0, 1, -5) }.to raise_error(Karafka::Errors::InvalidConfigurationError, /start_offset/)
  end
end

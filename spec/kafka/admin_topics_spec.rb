# frozen_string_literal: true

require_relative "../spec_helper"
require_relative "../support/administration"

RSpec.describe Karafka::Admin::Topics do
  include Administration

  after { close_producer }
  before { set_up }

  let(:admin) { Karafka::Admin }
  let(:topic) { unused_name }

  def partitions_of(name) = cluster.admin.metadata([name]).dig(:topics, name, :partitions).size

  it "creates a topic with its settings; the metadata shows it when the call returns" do
    expect(admin.create_topic(topic, 3, 1, "cleanup.policy": "compact", "retention.ms": 86_400_000)).to be(true)
    info = admin.topic_info(topic)
    expect(info).to include(topic_name: topic, partition_count: 3, internal: false)
    expect(info[:topic_id]).to match(/\A[\w-]{22}\z/)
    expect(info[:partitions].map { |partition| partition[:partition_id] }).to eq([0, 1, 2])
    expect(info[:partitions].first).to include(leader: Integer, replica_count: 1, in_sync_replica_brokers: [Integer])
    expect(partitions_of(topic)).to eq(3)
  end

  it "refuses a topic that exists, a wrong name, too many replicas and a wrong setting, with the reason" do
    admin.create_topic(topic, 1, 1)
    expect { admin.create_topic(topic, 1, 1) }.to fail_with(:topic_already_exists, /\Acreating a topic: .*exists\. Choose/)
    expect { admin.create_topic("no spaces", 1, 1) }.to fail_with(:topic_exception, /1 to 249 letters, digits, dots/)
    expect { admin.create_topic("x" * 250, 1, 1) }.to fail_with(:topic_exception, /1 to 249 letters/)
    expect { admin.create_topic(unused_name, 1, 99) }.to fail_with(:invalid_replication_factor, /at most the number of brokers/)
    expect { admin.create_topic(unused_name, 1, 1, "retention.ms": "soon") }.to fail_with(:invalid_config, /retention\.ms/)
  end

  it "refuses what no broker has to be asked about" do
    wrong = Karafka::Errors::InvalidConfigurationError
    expect { admin.create_topic("", 1, 1) }.to raise_error(wrong, /topic is "", but must be a name/)
    expect { admin.create_topic(topic, 0, 1) }.to raise_error(wrong, /partitions is 0/)
    expect { admin.create_topic(topic, 1, 1, "retention.ms": nil) }.to raise_error(wrong, /retention\.ms is nil/)
    expect { admin.read_watermark_offsets(topic, -1) }.to raise_error(wrong, /partition is -1/)
    expect { admin.read_partition_offsets({ topic => [{ partition: 0, offset: "soon" }] }) }.to raise_error(wrong, /:earliest, :latest/)
  end

  it "only checks with dry_run" do
    expect(described_class.create(topic, 1, 1, {}, dry_run: true)).to be(true)
    expect { admin.topic_info(topic) }.to fail_with(:unknown_topic_or_part, /Karafka::Admin\.cluster_info lists/)
  end

  it "takes names of 249 bytes" do
    long = "#{topic}#{"x" * (249 - topic.size)}"
    admin.create_topic(long, 1, 1)
    expect(admin.topic_info(long)[:partition_count]).to eq(1)
    admin.delete_topic(long)
  end

  it "adds partitions, and takes none away" do
    admin.create_topic(topic, 1, 1)
    expect(admin.create_partitions(topic, 4)).to be(true)
    expect([admin.topic_info(topic)[:partition_count], partitions_of(topic)]).to eq([4, 4])
    expect { admin.create_partitions(topic, 2) }.to fail_with(:invalid_partitions, /can be added, never taken away/)
    expect { admin.create_partitions(unused_name, 2) }.to fail_with(:unknown_topic_or_part)
  end

  it "deletes a topic; the metadata is without it when the call returns" do
    admin.create_topic(topic, 1, 1)
    expect(admin.delete_topic(topic)).to be(true)
    expect(admin.cluster_info.topics.map { |found| found[:topic_name] }).not_to include(topic)
    expect { admin.delete_topic(topic) }.to fail_with(:unknown_topic_or_part)
  end

  it "lists brokers and topics" do
    admin.create_topic(topic, 2, 1)
    info = admin.cluster_info
    expect(info.brokers.first).to include(broker_id: Integer, broker_name: String, broker_port: Integer)
    expect(info.brokers.map { |broker| broker[:broker_id] }).to include(info.controller_id)
    expect(info.topics.find { |found| found[:topic_name] == topic }).to include(partition_count: 2)
    expect(described_class.names).to include(topic)
  end

  it "reads watermarks of one partition, and of many with one question" do
    name = topic_with("a", "b", partitions: 2)
    expect(admin.read_watermark_offsets(name, 0)).to eq([0, 2])
    expect(admin.read_watermark_offsets({ name => [0, 1] })).to eq(name => { 0 => [0, 2], 1 => [0, 0] })
    expect { admin.read_watermark_offsets(name, 7) }.to fail_with(:unknown_partition)
    expect { admin.read_watermark_offsets(unused_name, 0) }.to fail_with(:unknown_topic_or_part)
  end

  it "reads offsets by position and time, several of one partition too" do
    name = topic_with("a", "b")
    spec = %i[earliest latest max_timestamp].map { |offset| { partition: 0, offset: offset } }
    spec += [{ partition: 0, offset: Time.now - 3_600 }, { partition: 0, offset: Time.now + 3_600 }]
    found = admin.read_partition_offsets({ name => spec }, isolation_level: Karafka::Admin::IsolationLevels::READ_COMMITTED)
    expect(found.map(&:offset)).to match([0, 2, be_between(0, 1), 0, -1])
    expect(found.map(&:topic).uniq).to eq([name])
    expect(found[2].timestamp).to be_within(60_000).of(Time.now.to_f * 1_000)
  end

  it "ends a partition at an open transaction with read_committed only" do
    name = topic_with("a")
    servers = cluster.bootstrap_servers
    producer = WaterDrop::Producer.new { |c| c.kafka = { "bootstrap.servers": servers, "transactional.id": unused_name("tx") } }
    ends = nil
    producer.transaction do
      producer.produce_sync(topic: name, payload: "b")
      levels = [Karafka::Admin::IsolationLevels::READ_UNCOMMITTED, Karafka::Admin::IsolationLevels::READ_COMMITTED]
      ends = levels.map do |level|
        admin.read_partition_offsets({ name => [{ partition: 0, offset: :latest }] }, isolation_level: level).first.offset
      end
    end
    expect(ends).to eq([2, 1])
  ensure
    producer&.close
  end

  it "deletes records before an offset" do
    name = topic_with(*%w[a b c])
    expect(described_class.delete_records({ name => { 0 => 2 } })).to eq(name => { 0 => 2 })
    expect(admin.read_watermark_offsets(name, 0)).to eq([2, 3])
    expect(described_class.delete_records({ name => { 0 => :latest } })).to eq(name => { 0 => 3 })
    expect { described_class.delete_records({ name => { 0 => 9 } }) }.to fail_with(:offset_out_of_range)
  end

  it "administrates another cluster with an instance" do
    Karafka::App.reset!
    other = Karafka::Admin.new(kafka: { "bootstrap.servers": cluster.bootstrap_servers })
    other.create_topic(topic, 1, 1)
    expect(other.topics.info(topic)[:partition_count]).to eq(1)
    expect { admin.topic_info(topic) }.to raise_error(Karafka::Errors::InvalidConfigurationError, /does not know where Kafka is/)
    wrong = { "bootstrap.server": "a:1" }
    expect { admin.new(kafka: wrong) }.to raise_error(Karafka::Errors::InvalidConfigurationError, /bootstrap\.servers/)
  end

  it "creates the declared topics that are missing" do
    name = topic
    existing = cluster.create_topic
    Karafka::App.declaratives.draw do
      topic(existing) { partitions 9 }
      topic name do
        partitions 2
        config "retention.ms": 60_000
      end
    end
    expect(Karafka::App.declaratives.create_missing.map(&:name)).to eq([name])
    expect([admin.topic_info(name)[:partition_count], admin.topic_info(existing)[:partition_count]]).to eq([2, 1])
    expect(Karafka::App.declaratives.create_missing).to eq([])
  end

  it "says within max_wait_time that brokers cannot be reached, and why" do
    Karafka::App.config.admin.max_wait_time = 500
    unreachable = Karafka::Admin.new(kafka: { "bootstrap.servers": "127.0.0.1:1" })
    started = Karafka::Clock.now
    expect { unreachable.cluster_info }.to fail_with(:timed_out, /within \d+ ms: 127\.0\.0\.1:1.*Connection refused.*nothing listens there/)
    expect { unreachable.create_topic(topic, 1, 1) }.to fail_with(:timed_out, /creating a topic: no answer.*Connection refused/)
    expect { unreachable.topics.names }.to fail_with(:timed_out, /Connection refused/)
    expect(Karafka::Clock.now - started).to be < 45
  end

  it "can be interrupted while it waits, and leaves no thread behind" do
    unreachable = Karafka::Admin.new(kafka: { "bootstrap.servers": "127.0.0.1:1" })
    threads = OsThreads.ours.size
    started = Karafka::Clock.now
    expect { Timeout.timeout(0.3) { unreachable.cluster_info } }.to raise_error(Timeout::Error)
    expect(Karafka::Clock.now - started).to be < 45
    wait_until("librdkafka's threads to end") { OsThreads.ours.size <= threads }
  end
end

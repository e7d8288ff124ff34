# frozen_string_literal: true

require_relative "../../spec_helper"
require_relative "../../support/ruby_kafka_app"

RSpec.describe Kafka::Client, "on real Kafka" do
  include RubyKafkaApp

  it "reads without a group" do
    3.times { |number| kafka.deliver_message(number.to_s, topic: topic, partition: 0) }
    seen = []
    kafka.each_message(topic: topic) do |message|
      seen << message.value
      break if seen.size == 3
    end
    expect(seen).to eq(%w[0 1 2])
    expect(kafka.fetch_messages(topic: topic, partition: 0, offset: 1).map(&:value)).to eq(%w[1 2])
    expect(kafka.fetch_messages(topic: topic, partition: 0, offset: :latest, max_wait_time: 0.2)).to eq([])
    expect { kafka.fetch_messages(topic: topic, partition: 0, offset: 99) }.to raise_error(Kafka::OffsetOutOfRange) { |error|
      expect([error.topic, error.partition, error.offset]).to eq([topic, 0, 99])
    }
    expect { kafka.fetch_messages(topic: topic, partition: 9, offset: :earliest) }
      .to raise_error(Kafka::UnknownTopicOrPartition, "#{topic} has no partition 9, it has 3, beginning with 0")
  end

  it "administrates topics" do
    name = "spec-#{SecureRandom.hex(6)}"
    kafka.create_topic(name, num_partitions: 2, replication_factor: 1, config: { "retention.ms" => 60_000 })
    expect { kafka.create_topic(name) }.to raise_error(Kafka::TopicAlreadyExists)
    expect([kafka.topics.include?(name), kafka.has_topic?(name), kafka.partitions_for(name),
            kafka.replica_count_for(name)]).to eq([true, true, 2, 1])
    expect(kafka.describe_topic(name, ["retention.ms"])).to eq("retention.ms" => "60000")
    kafka.alter_topic(name, "retention.ms" => 70_000, "max.message.bytes" => 5_000)
    expect(kafka.describe_topic(name, %w[retention.ms max.message.bytes])).to eq("retention.ms" => "70000", "max.message.bytes" => "5000")
    kafka.create_partitions_for(name, num_partitions: 4)
    wait_until("its leader") { leads?(name, 3) }
    expect([kafka.partitions_for(name), kafka.last_offset_for(name, 3), kafka.last_offsets_for(name)])
      .to eq([4, -1, { name => { 0 => -1, 1 => -1, 2 => -1, 3 => -1 } }])
    kafka.delete_topic(name)
    wait_until("the topic to go") { !kafka.has_topic?(name) }
    expect { kafka.partitions_for(name) }.to raise_error(Kafka::UnknownTopicOrPartition)
    expect { kafka.alter_topic(topic, "nonsense" => 1) }.to raise_error(Kafka::InvalidConfig)
  end

  it "describes the members of a group, and what it has committed" do
    kafka.deliver_message("a", topic: topic, partition: 0)
    members = nil
    one = consumer
    one.each_message do |message|
      members = kafka.describe_group(group).members
      one.mark_message_as_processed(message)
      one.commit_offsets
      one.stop
    end
    expect(members.map(&:client_id)).to eq(["spec"])
    expect(members.first).to have_attributes(member_id: /\Aspec-/, client_host: "127.0.0.1")
    expect(members.first.member_assignment.topics).to eq(topic => [0, 1, 2])
    expect(kafka.fetch_group_offsets(group)[topic][0]).to have_attributes(offset: 1, error_code: 0)
  end

  it "knows brokers, groups and what brokers can do" do
    kafka.deliver_message("x", topic: topic, partition: 0)
    consumed(consumer, 1)
    expect(kafka.groups).to include(group)
    expect([kafka.describe_group(group).group_id, committed]).to eq([group, { 0 => 1 }])
    expect(kafka.brokers.map(&:node_id)).to include(kafka.controller_broker.node_id)
    id = kafka.controller_broker.node_id
    expect(kafka.describe_configs(id, ["num.io.threads"]).map do |config|
             [config.name, config.value.to_i.positive?]
           end).to eq([["num.io.threads", true]])
    before = kafka.describe_configs(id, ["log.cleaner.threads"]).first.value
    kafka.alter_configs(id, "log.cleaner.threads" => before)
    expect(kafka.apis.map(&:api_key)).to include(Kafka::Protocol::PRODUCE_API, Kafka::Protocol::API_VERSIONS_API)
    expect([kafka.supports_api?(Kafka::Protocol::FETCH_API), kafka.supports_api?(Kafka::Protocol::FETCH_API, 999),
            kafka.supports_api?(9_999)])
      .to eq([true, false, false])
  end
end

# frozen_string_literal: true

require_relative "../spec_helper"
require_relative "../support/administration"

# What one broker cannot show: metadata that spreads, a broker that is away, leaders that move.
RSpec.describe Karafka::Admin, deadline: 400 do
  include Administration

  before(:context) do
    skip(KafkaCluster.unavailable) if KafkaCluster.unavailable
    skip("its nodes can't be killed from here") if ENV["KARAFKA_TEST_BROKERS"]
    @three = KafkaCluster.new("spec-admin").up(nodes: 3, heap: "256m")
  end

  after(:context) { @three&.down }

  attr_reader :three

  def leaders(topic) = described_class.topic_info(topic)[:partitions].to_h { |partition| [partition[:partition_id], partition[:leader]] }

  # Metadata of KRaft names any broker that was alive lately as the controller.
  def slowest_answer(topic, seconds:)
    clock = -> { Process.clock_gettime(Process::CLOCK_MONOTONIC) }
    until_s = clock.call + seconds
    longest = 0.0
    while clock.call < until_s
      begun = clock.call
      described_class.cluster_info
      described_class::Configs.describe(described_class::Configs::Resource.new(type: :topic, name: topic))
      longest = [longest, clock.call - begun].max
    end
    longest
  end

  # Where a leader moves they are asked for again: no partition is left without an answer.
  def ends_of_all(topic) = described_class.read_watermark_offsets({ topic => [0, 1, 2] }).fetch(topic).values_at(0, 1, 2)

  it "shows a change on all brokers, works while one is away, and gives leadership back" do
    servers = three.bootstrap_servers
    Karafka::App.setup { |config| config.kafka = { "bootstrap.servers": servers } }
    Karafka::App.config.admin.max_wait_time = 60_000
    topic = unused_name
    described_class.create_topic(topic, 3, 3)
    known = three.nodes.map { |node| KafkaWire.new(node.address).metadata([topic]).dig(:topics, topic, :partitions).size }
    expect(known).to eq([3, 3, 3])

    preferred = leaders(topic)
    away = preferred.fetch(0)
    described_class.seek_consumer_group(behind = unused_name("group"), { topic => :earliest })
    three.kill_node(away)
    expect(ends_of_all(topic)).to eq([[0, 0]] * 3)
    expect(described_class.read_lags_with_offsets({ behind => [] }).dig(behind, topic).values.uniq).to eq([{ offset: 0, lag: 0 }])
    expect(slowest_answer(topic, seconds: 8)).to be < 15
    described_class.create_topic(other = unused_name, 2, 2)
    expect(described_class.topic_info(other)[:partition_count]).to eq(2)
    wait_until("other leaders") { leaders(topic).values.none? { |leader| [away, -1].include?(leader) } }
    described_class.seek_consumer_group(group = unused_name("group"), { topic => :latest })
    expect(described_class::ConsumerGroups.list.map(&:id)).to include(group)
    expect(described_class.read_lags_with_offsets({ group => [] }).dig(group, topic).values.uniq).to eq([{ offset: 0, lag: 0 }])

    three.start_node(away)
    wait_until("all in sync") { described_class.topic_info(topic)[:partitions].all? { |partition| partition[:isrs].size == 3 } }
    expect(described_class::Topics.elect_leaders({ topic => [0] })).to eq(topic => [0])
    wait_until("the preferred leader") { leaders(topic).fetch(0) == preferred.fetch(0) }
    expect(described_class::Topics.elect_leaders({ topic => [0] })).to eq({})

    plan = described_class.plan_topic_replication(topic: other, replication_factor: 3)
    expect(plan.partitions_assignment.values.map(&:sort)).to eq([[1, 2, 3], [1, 2, 3]])
    expect(plan).to be_changes
  end
end

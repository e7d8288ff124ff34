# frozen_string_literal: true

require_relative "../spec_helper"
require_relative "../support/kafka_cluster"

# The specs of this folder stand on these answers.
RSpec.describe KafkaCluster do
  def partitions_of(cluster, topic) = cluster.admin.metadata([topic]).dig(:topics, topic, :partitions)

  describe "of one node" do
    let(:cluster) { described_class.shared }

    it "creates a topic that has its leaders, and deletes it", deadline: 300 do
      topic = cluster.create_topic(partitions: 3, config: { "retention.ms" => -1 })
      expect(partitions_of(cluster, topic).keys).to contain_exactly(0, 1, 2)
      expect(cluster.watermarks(topic)).to eq(0 => [0, 0], 1 => [0, 0], 2 => [0, 0])
      cluster.delete_topic(topic)
      expect { cluster.delete_topic(topic) }.to raise_error(KafkaWire::Error, /error 3\b/)
    end

    it "knows no offsets of a group that never was" do
      expect(cluster.committed("nobody-#{rand(1 << 32)}")).to eq({})
    end
  end

  describe "of three nodes", skip: ENV.fetch("KARAFKA_TEST_BROKERS", nil) && "its nodes can't be killed from here" do
    it "loses a leader, goes on with another one, and takes the node back", deadline: 400 do
      cluster = described_class.new("spec-three").up(nodes: 3, heap: "256m")
      topic = cluster.create_topic(partitions: 3, replication: 3)
      lost = partitions_of(cluster, topic).fetch(0).fetch(:leader)
      cluster.kill_node(lost)
      cluster.wait_until("another leader") { ![lost, -1].include?(partitions_of(cluster, topic).fetch(0).fetch(:leader)) }
      cluster.start_node(lost)
      cluster.wait_until("all in sync") { partitions_of(cluster, topic).values.all? { |info| info[:isr].size == 3 } }
    ensure
      cluster&.down
    end
  end
end

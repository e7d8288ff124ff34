# frozen_string_literal: true

require "spec_helper"
require "karafka/cli"

RSpec.describe Karafka::Cli::Topics::Health do
  # @param partitions [Array<Array(Integer, Integer, Integer)>] leader, replicas, in sync
  def findings(*partitions, least: 1)
    described = partitions.each_with_index.map do |(leader, replicas, in_sync), id|
      { partition_id: id, leader: leader, replicas: [*1..replicas], isrs: [*1..in_sync] }
    end
    described_class.findings({ topic_name: "orders", partitions: described }, least).map { |finding| finding.values_at(:severity, :text) }
  end

  it "finds nothing where one broker may be down" do
    expect(findings([1, 3, 3], [2, 3, 3], least: 2)).to eq([])
  end

  it "reports what cannot be written now as an error, partitions with the same fault together" do
    expect(findings([-1, 3, 0], [1, 3, 3], [-1, 3, 1], least: 2))
      .to eq([["error", "has no leader: nothing can be written or read until a broker with a replica is back (partitions 0, 2)"]])
    expect(findings([1, 3, 1], least: 2))
      .to eq([["error", "1 of 3 replicas are in sync, min.insync.replicas is 2: writes with acks=all fail (partition 0)"]])
  end

  it "warns of what the next broker's end would stop" do
    expect(findings([1, 3, 2], least: 2)).to eq([["warning", "2 of 3 replicas are in sync (partition 0)"]])
    expect(findings([1, 1, 1])).to eq([["warning", "has one replica: its messages are lost with that broker (partition 0)"]])
    expect(findings([1, 2, 2], least: 2))
      .to eq([["warning", "replication factor 2 and min.insync.replicas 2: writes fail as soon as one broker is down (partition 0)"]])
  end
end

# frozen_string_literal: true

require_relative "../../spec_helper"

RSpec.describe Karafka::Admin::Replication do
  # Answers what a cluster with these brokers and partitions would.
  def plan(partitions, racks, **options)
    partitions = partitions.map { |id, replicas| { partition_id: id, leader: replicas.first, replicas: replicas, isrs: replicas } }
    session = double("session")
    allow(session).to receive(:ask).with(:describe_topics, anything).and_return([{ topic_name: "orders", partitions: partitions }])
    brokers = racks.map { |id, rack| { broker_id: id, rack: rack } }
    allow(session).to receive(:ask).with(:describe_cluster).and_return({ brokers: brokers })
    connection = double("connection")
    allow(connection).to receive(:session).and_yield(session)
    described_class.new(connection).plan(topic: "orders", **options)
  end

  def even(ids) = ids.to_h { |id| [id, nil] }

  it "keeps what there is, and spreads new replicas evenly" do
    found = plan({ 0 => [1], 1 => [2], 2 => [3], 3 => [1] }, even(1..3), to: 2)
    expect(found.partitions_assignment.transform_values(&:first)).to eq(0 => 1, 1 => 2, 2 => 3, 3 => 1)
    expect(found.partitions_assignment.values.map(&:uniq).map(&:size).uniq).to eq([2])
    expect(found.partitions_assignment.values.flatten.tally.values.minmax).to eq([2, 3])
  end

  it "goes to other racks first" do
    found = plan({ 0 => [1] }, { 1 => "a", 2 => "a", 3 => "b", 4 => "a" }, to: 2)
    expect(found.partitions_assignment).to eq(0 => [1, 3])
  end

  it "takes replicas away, the leader last" do
    session = plan({ 0 => [1, 2, 3], 1 => [2, 3, 1] }, even(1..3), to: 1)
    expect(session.partitions_assignment).to eq(0 => [1], 1 => [2])
  end

  it "uses only the brokers that are allowed, or those that are given for each partition" do
    expect(plan({ 0 => [1] }, even(1..3), to: 2, brokers: [2, 3]).partitions_assignment).to eq(0 => [2, 3])
    expect(plan({ 0 => [1] }, even(1..3), to: 2, brokers: { 0 => [3, 1] }).partitions_assignment).to eq(0 => [3, 1])
    expect { plan({ 0 => [1] }, even(1..3), to: 2, brokers: { 0 => [3, 3] }) }
      .to raise_error(Karafka::Errors::InvalidConfigurationError, /2 brokers for each partition; wrong for 0/)
  end

  it "is what Kafka's own tool takes" do
    found = plan({ 0 => [1] }, even(1..2), to: 2)
    expect(JSON.parse(found.reassignment_json)).to eq(
      "version" => 1, "partitions" => [{ "topic" => "orders", "partition" => 0, "replicas" => [1, 2] }]
    )
    expect(found.summary).to eq("orders: 1 -> 2 replicas\n  0: 1 -> 1, 2")
    expect(found.execution_commands.keys).to eq(%i[execute verify cancel])
    Dir.mktmpdir do |dir|
      path = found.export_to_file(File.join(dir, "plan.json"))
      expect(File.read(path)).to eq(found.reassignment_json)
    end
  end
end

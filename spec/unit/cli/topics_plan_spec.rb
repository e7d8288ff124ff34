# frozen_string_literal: true

require "spec_helper"
require "karafka/cli"

RSpec.describe Karafka::Cli::Topics::Plan do
  def declared(partitions: 3, replication_factor: 1, **details)
    Karafka::Declaratives::Topic.new("orders").tap { |topic| topic.config(details, partitions:, replication_factor:) }
  end

  def existing(partitions: 3, replication_factor: 1, **config)
    described_class::Existing.new(partitions:, replication_factor:, config: config.transform_keys(&:to_s))
  end

  def between(declared, existing) = described_class.between({ "orders" => declared }, existing ? { "orders" => existing } : {})

  it "creates what is missing" do
    plan = between(declared("retention.ms": 60_000), nil)
    expect(plan.steps.map { |step| [step.kind, step.topic, step.to.partitions] }).to eq([[:create, "orders", 3]])
    expect(plan.lines.map(&:last)).to eq(["+ orders", "    partitions: 3", "    replication factor: 1", "    retention.ms: 60000"])
  end

  it "does nothing where all is as declared, also where Kafka writes it in another way" do
    plan = between(declared("retention.ms": 60_000, "cleanup.policy": "compact, delete", "min.cleanable.dirty.ratio": 0.5),
                   existing("retention.ms": "60000", "cleanup.policy": "delete,compact", "min.cleanable.dirty.ratio": "0.5"))
    expect([plan.empty?, plan.notes, plan.lines]).to eq([true, {}, []])
  end

  it "adds partitions, and says what that does to keys" do
    plan = between(declared(partitions: 12), existing)
    expect(plan.steps.map { |step| [step.kind, step.from, step.to] }).to eq([[:repartition, 3, 12]])
    expect(plan.lines.last.last).to eq("    partitions: 3 -> 12 (messages that are sent from now on go to other partitions than earlier " \
                                       "ones with the same key)")
  end

  it "changes settings, also those that were never set" do
    plan = between(declared("retention.ms": -1, "segment.bytes": 1_000_000), existing("retention.ms": "60000"))
    expect(plan.steps.map(&:to_h)).to eq([{ kind: :alter, topic: "orders", from: { "retention.ms" => "60000" },
                                            to: { "retention.ms" => "-1", "segment.bytes" => "1000000" } }])
    expect(plan.lines.map(&:last)).to eq(["~ orders", "    retention.ms: 60000 -> -1", "    segment.bytes: not set -> 1000000"])
  end

  it "says what cannot be done, and what to do instead" do
    plan = between(declared(partitions: 2, replication_factor: 3), existing)
    expect(plan).to be_empty
    expect(plan.notes["orders"]).to contain_exactly(/3 partitions, 2 declared: Kafka cannot take partitions away/,
                                                    /replication factor 1, 3 declared: reassign .*Admin::Replication.plan/)
  end

  it "can be narrowed to kinds of steps, and be read by programs" do
    plan = between(declared(partitions: 12, "retention.ms": 1), existing("retention.ms": "2"))
    expect(plan.only(:alter).steps.map(&:kind)).to eq([:alter])
    expect(plan.to_h).to eq(changes: [{ kind: :repartition, topic: "orders", from: 3, to: 12 },
                                      { kind: :alter, topic: "orders", from: { "retention.ms" => "2" }, to: { "retention.ms" => "1" } }],
                            notes: {})
  end
end

# frozen_string_literal: true

require_relative "../spec_helper"
require_relative "../support/administration"

RSpec.describe Karafka::Admin::Configs do
  include Administration

  before { set_up }

  let(:topic) { cluster.create_topic }

  def resource(name = topic, type: :topic) = Karafka::Admin::Configs::Resource.new(type: type, name: name)

  def values(*names)
    found = described_class.describe(resource).first
    names.map { |name| found[name].value }
  end

  it "describes a topic and a broker" do
    broker = Karafka::Admin.cluster_info.brokers.first[:broker_id]
    found = described_class.describe(resource, resource(broker, type: :broker))
    expect(found.map { |one| [one.type, one.name] }).to eq([[:topic, topic], [:broker, broker.to_s]])
    policy = found.first["cleanup.policy"]
    expect(policy).to have_attributes(value: "delete", source: :default, default?: true, read_only?: false, sensitive?: false,
                                      synonym?: false)
    expect(policy.synonyms.first).to have_attributes(name: "log.cleanup.policy", synonym?: true)
    expect(found.last["ssl.keystore.password"]).to have_attributes(value: nil, sensitive?: true)
    expect(found.last["node.id"]).to have_attributes(read_only?: true, value: broker.to_s)
  end

  it "sets, deletes, appends and subtracts, and leaves the rest alone" do
    expect(described_class.alter(resource.set("retention.ms", 60_000).append("cleanup.policy", "compact"))).to be(true)
    wait_until("the values") { values("retention.ms", "cleanup.policy") == ["60000", "delete,compact"] }
    described_class.alter(resource.subtract("cleanup.policy", "delete"))
    wait_until("the values") { values("retention.ms", "cleanup.policy") == %w[60000 compact] }
    described_class.alter(resource.delete(:"retention.ms"))
    wait_until("the default") { described_class.describe(resource).first["retention.ms"].default? }
  end

  it "describes all settings of a resource that has changes noted" do
    expect(described_class.describe(resource.set("retention.ms", 1)).first["segment.bytes"]).to be_default
  end

  it "changes nothing with dry_run" do
    expect(described_class.alter(resource.set("retention.ms", 60_000), dry_run: true)).to be(true)
    expect(described_class.describe(resource).first["retention.ms"]).to be_default
  end

  it "refuses what does not exist and wrong values, with the reason" do
    expect { described_class.describe(resource(unused_name)) }.to fail_with(:unknown_topic_or_part)
    expect { described_class.alter(resource(unused_name).set("retention.ms", 1)) }.to fail_with(:unknown_topic_or_part)
    expect { described_class.alter(resource.set("retention.ms", "soon")) }.to fail_with(:invalid_config, /soon.*retention\.ms/)
    expect { described_class.alter(resource.set("no.such.setting", 1)) }.to fail_with(:invalid_config, /no\.such\.setting/)
    wrong = Karafka::Errors::InvalidConfigurationError
    expect { described_class.alter(resource) }.to raise_error(wrong, /call set, delete, append or subtract/)
    expect { resource(type: :planet) }.to raise_error(wrong, /type is :planet, but must be one of :topic/)
    expect { resource.set("retention.ms", nil) }.to raise_error(wrong, /`delete` goes back/)
    expect { described_class.describe("orders") }.to raise_error(wrong, /Resource/)
  end
end

RSpec.describe Karafka::Admin::Replication do
  include Administration

  before { set_up }

  it "plans with the brokers there are, and refuses more replicas than brokers" do
    topic = cluster.create_topic(partitions: 2)
    plan = Karafka::Admin.plan_topic_replication(topic: topic, replication_factor: 1)
    expect(plan).to have_attributes(changes?: false, current_replication_factor: 1, target_replication_factor: 1)
    wrong = Karafka::Errors::InvalidConfigurationError
    expect { described_class.plan(topic: topic, to: 99) }.to raise_error(wrong, /to is 99, but must be at most the number of brokers/)
    expect { described_class.plan(topic: topic, to: 1, brokers: [77]) }.to raise_error(wrong, /brokers is \[77\]/)
    expect { described_class.plan(topic: unused_name, to: 1) }.to fail_with(:unknown_topic_or_part)
  end
end

# frozen_string_literal: true

require_relative "../spec_helper"
require_relative "../support/administration"
require_relative "../support/secured_cluster"

# On a cluster of its own, with an authorizer: see spec/support/secured_cluster.rb.
RSpec.describe Karafka::Admin::Acl, deadline: 300 do
  include Administration

  before(:context) do
    skip(KafkaCluster.unavailable) if KafkaCluster.unavailable
    @secured = SecuredCluster.new("spec-acls").up
  end

  after(:context) { @secured&.down }

  before do
    servers = @secured.bootstrap_servers
    Karafka::App.setup { |config| config.kafka = { "bootstrap.servers": servers } }
  end

  let(:topic) { unused_name }

  def rule(**more)
    described_class.new(resource_type: :topic, resource_name: topic, principal: "User:bob", operation: :read, **more)
  end

  # The filter that a user without rights over the cluster has.
  def alice
    login = { "sasl.mechanism": "PLAIN", "sasl.username": SecuredCluster::USER, "sasl.password": SecuredCluster::PASSWORD }
    Karafka::Admin.new(kafka: { "bootstrap.servers": @secured.address(:sasl_plaintext), "security.protocol": "sasl_plaintext", **login })
  end

  it "says what a user may do with topics and groups" do
    %w[open closed].each { |name| @secured.create_topic(name) }
    found = alice.rights(topics: %w[open closed nowhere], groups: %w[readers-1 strangers])
    expect(found[:topics].fetch("open")).to match(error: nil, operations: contain_exactly("read", "write", "describe"))
    expect(found[:topics].values_at("closed", "nowhere")).to all(eq(error: "topic_authorization_failed", operations: nil))
    expect(found[:groups].fetch("strangers")).to eq(error: "group_authorization_failed", operations: nil)
    expect(found[:groups].fetch("readers-1")[:error]).to be_nil.or eq("group_id_not_found")
    expect(Karafka::Admin.rights(topics: %w[closed], groups: [])[:topics].fetch("closed")[:operations]).to include("read", "delete")
  end

  it "creates rules, finds them and deletes them" do
    read = rule
    write = rule(operation: :write, permission_type: :deny, resource_pattern_type: :prefixed)
    expect(described_class.create(read)).to eq([read])
    described_class.create(write)
    filter = described_class.new(resource_type: :topic, resource_name: topic, resource_pattern_type: :any, operation: :any, host: nil,
                                 permission_type: :any)
    expect(described_class.describe(filter)).to contain_exactly(read, write)
    expect(described_class.all).to include(read, write)
    expect(described_class.delete(filter)).to contain_exactly(read, write)
    expect(described_class.describe(filter)).to eq([])
  end

  it "refuses words that mean nothing" do
    expect do
      rule(operation: :fly)
    end.to raise_error(Karafka::Errors::InvalidConfigurationError, /operation is :fly, but must be one of :any/)
    expect(described_class.new(resource_type: :group, operation: :read).resource_type).to eq(:consumer_group)
  end

  it "says which right is missing, for each kind of question" do
    expect { alice.create_topic(topic, 1, 1) }.to fail_with(:topic_authorization_failed, /lacks the right.*Karafka::Admin::Acl/)
    expect { alice.acls.all }.to fail_with(:cluster_authorization_failed, /lacks the right/)
    expect { alice.consumer_groups.describe("strangers") }.to fail_with(:group_authorization_failed, /lacks the right/)
    expect { alice.seek_consumer_group("strangers", { "open" => 0 }) }.to fail_with(:group_authorization_failed)
  end

  it "says that a password is wrong" do
    Karafka::App.config.admin.max_wait_time = 3_000
    wrong = { "sasl.mechanism": "PLAIN", "sasl.username": SecuredCluster::USER, "sasl.password": "guess" }
    admin = Karafka::Admin.new(kafka: { "bootstrap.servers": @secured.address(:sasl_plaintext), "security.protocol": "sasl_plaintext",
                                        **wrong })
    expect { admin.cluster_info }.to fail_with(:timed_out, /refuses the login.*sasl\.password/)
  end
end

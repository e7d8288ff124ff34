# frozen_string_literal: true

require_relative "../spec_helper"
require_relative "../support/command_line"
require_relative "../support/secured_cluster"

# On a cluster with an authorizer: see spec/support/secured_cluster.rb for what its user may do.
RSpec.describe "karafka produce and karafka consume with rights", deadline: 300 do
  include CommandLine

  before(:context) do
    skip(KafkaCluster.unavailable) if KafkaCluster.unavailable
    @secured = SecuredCluster.new("spec-refused-commands").up
    %w[open closed].each { |name| @secured.create_topic(name) }
  end

  after(:context) { @secured&.down }

  before do
    login = { "bootstrap.servers": cluster.address(:sasl_plaintext), "security.protocol": "sasl_plaintext", "sasl.mechanism": "PLAIN",
              "sasl.username": SecuredCluster::USER, "sasl.password": SecuredCluster::PASSWORD }
    application("Karafka::App.config.kafka = #{login.inspect}")
  end

  def cluster = @secured

  it "work where the user may" do
    expect(karafka("produce", "open", input: "one\ntwo\n").to_a).to eq([0, "", ""])
    expect(karafka("consume", "open").to_a).to eq([0, "one\ntwo\n", ""])
  end

  it "say in one line which right is missing" do
    fail_in_one_line("produce", "closed", input: "one\ntwo\n", with: /2 of 2 messages were not delivered\. 2: .*right.*closed/)
    fail_in_one_line("consume", "closed", with: /right.*closed/)
    fail_in_one_line("consume", "closed", "--limit", "1", "--follow", with: /right.*closed/)
    expect(cluster.watermarks("closed")).to eq(0 => [0, 0])
  end
end

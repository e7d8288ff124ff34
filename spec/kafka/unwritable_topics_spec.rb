# frozen_string_literal: true

require_relative "../spec_helper"
require_relative "../support/command_line"

# Three nodes, one of which is gone.
RSpec.describe "topics that cannot be written", deadline: 400 do
  include CommandLine

  before(:context) do
    skip(KafkaCluster.unavailable) if KafkaCluster.unavailable
    skip("its nodes can't be killed from here") if ENV["KARAFKA_TEST_BROKERS"]
    @three = KafkaCluster.new("spec-unwritable").up(nodes: 3, heap: "256m")
  end

  after(:context) { @three&.down }

  def cluster = @three
  def isr(topic) = cluster.admin.metadata([topic]).dig(:topics, topic, :partitions, 0, :isr).sort
  def leader(topic) = cluster.admin.metadata([topic]).dig(:topics, topic, :partitions, 0, :leader)

  def produce(topic, acks) = expect(karafka("produce", topic, "--acks", acks, input: "message\n").to_a).to(eq([0, "", ""]))

  def produce_in_vain(topic)
    why = /1 of 1 messages were not delivered\. 1: .*timed out.*: `karafka topics health` says whether the topic can be written/
    fail_in_one_line("produce", topic, "--acks", "all", input: "message\n", with: why)
  end

  it "are errors of `karafka topics health`, and `karafka produce` says why, unless it need not know" do
    strict = cluster.create_topic(unused_name("strict"), replication: 3, config: { "min.insync.replicas" => 3 })
    alone = unused_name("alone")
    cluster.admin.create_topic(alone, config: {}, replicas: [2])
    cluster.wait_until("the topic on node 2") { leader(alone) == 2 }
    application(%(Karafka::App.config.kafka = Karafka::App.config.kafka.to_h.merge("message.timeout.ms": 5_000)))
    produce(strict, "all")

    cluster.kill_node(2)
    cluster.wait_until("two in sync") { isr(strict) == [1, 3] && leader(strict) != 2 && leader(alone) == -1 }
    health = karafka("topics", "health")
    expect([health.status, health.out.lines(chomp: true)]).to match([1, include(
      "error: #{strict}: 2 of 3 replicas are in sync, min.insync.replicas is 3: writes with acks=all fail (partition 0)",
      "error: #{alone}: has no leader: nothing can be written or read until a broker with a replica is back (partition 0)"
    )])
    findings = JSON.parse(karafka("topics", "health", "--json").out).fetch("findings")
    errors = findings.select { |finding| finding["severity"] == "error" }
    expect(errors.map { |finding| finding["topic"] }).to contain_exactly(strict, alone)

    [strict, alone].each { |topic| produce_in_vain(topic) }
    %w[1 0].each { |acks| produce(strict, acks) }
    cluster.start_node(2)
    cluster.wait_until("all in sync") { isr(strict) == [1, 2, 3] }
    produce(strict, "all")
    expect(karafka("topics", "health").out).not_to include("error: ")
  end
end

# frozen_string_literal: true

require "open3"
require "rbconfig"
require_relative "../spec_helper"
require_relative "../support/prometheus_tools"

# The short form of `rake verify:*`. A failure prints the seed; `verify/consume.rb --seed N` makes the same choices again.
RSpec.describe "random faults on real Kafka", deadline: 1_500 do
  # @return [String] what it said
  def verify(name, *arguments)
    program = File.expand_path("../../verify/#{name}.rb", __dir__)
    output, status = Open3.capture2e(RbConfig.ruby, program, *arguments.map(&:to_s))
    expect(status).to be_success, output
    output
  end

  it "lose no message, commit none unprocessed and keep the order while members and brokers are killed" do
    skip("its nodes can't be killed from here") if ENV.key?("KARAFKA_TEST_BROKERS")

    expect(verify("consume", "--seconds", 15, "--rate", 100)).to include('"violations":0')
  end

  it "lose no message of a swarm, run no node twice and leave none behind while nodes and supervisors are killed" do
    expect(verify("swarm", "--seconds", 15, "--nodes", 3, "--rate", 100)).to include('"violations":0')
  end

  it "lose no job, keep the order of each key and perform none before it is due while members are killed" do
    output = verify("jobs", "--jobs", 2_000, "--waiting", 100, "--longest-wait", 5, "--kills", 1)
    expect(output).to include("2100 jobs were performed", "nothing lost")
  end

  it "leave Prometheus no scrape that fails without a cause, and the right numbers" do
    skip(PrometheusTools.unavailable) if PrometheusTools.unavailable

    expect(verify("prometheus", "--only", "chaos", "--seconds", 10)).to include('"violations":0')
  end

  it "are found by an operator, with their cause and their place, from at most five commands each" do
    expect(verify("incidents")).to include('"violations":0')
  end

  it "report of each message what became of it, once and in order, while leaders are killed and clients replaced" do
    skip("its nodes can't be killed from here") if ENV.key?("KARAFKA_TEST_BROKERS")

    expect(verify("produce", "--messages", 40_000, "--kills", 1, "--fatal", 1)).to include('"violations":0')
  end
end

# frozen_string_literal: true

require_relative "../spec_helper"
require_relative "../support/command_line"

RSpec.describe "karafka topics", deadline: 240 do
  include CommandLine

  let(:orders) { unused_name("a-orders") }
  let(:mails) { unused_name("b-mails") }

  def declare(partitions: 2, retention: 60_000)
    application(<<~RUBY)
      Karafka::App.routes.draw { topic("#{orders}") { consumer CommandConsumer; config partitions: #{partitions}, "retention.ms": #{retention} } }
      Karafka::App.declaratives.draw { topic("#{mails}") { partitions 1 } }
    RUBY
  end

  def changes(*argv) = JSON.parse(karafka("topics", *argv, "--json").out).fetch("changes")

  it "plans, creates, adds partitions, changes settings, deletes and resets what is declared" do
    declare
    plan = karafka("topics", "plan", "--detailed-exitcode")
    expect([plan.status, plan.out.lines.map(&:chomp).first(4)])
      .to eq([2, ["+ #{orders}", "    partitions: 2", "    replication factor: 1", "    retention.ms: 60000"]])
    expect(karafka("topics", "create", "--dry-run").out).to eq(plan.out)
    expect(karafka("topics", "migrate").to_a).to match([0, /\+ #{orders}.*2 topics changed/m, ""])
    expect(karafka("topics", "plan", "--detailed-exitcode").to_a).to eq([0, "2 declared topics, nothing to do\n", ""])

    declare(partitions: 4, retention: 120_000)
    expect(changes("plan").map { |change| change.values_at("kind", "topic", "to") })
      .to eq([["repartition", orders, 4], ["alter", orders, { "retention.ms" => "120000" }]])
    expect(karafka("topics", "repartition").out).to include("partitions: 2 -> 4 (messages that are sent from now on go to other partitions")
    expect(karafka("topics", "align").out).to include("retention.ms: 60000 -> 120000")
    expect(changes("plan")).to eq([])

    described = JSON.parse(karafka("topics", "describe", orders, "--json").out)
    expect(described["partitions"].size).to eq(4)
    expect(described["settings"]).to include("retention.ms" => "120000")
    expect(JSON.parse(karafka("topics", "list", "--json").out)["topics"])
      .to include({ "topic" => orders, "partitions" => 4, "replicas" => 1, "declared" => true })
    expect(karafka("topics", "list").out.lines.map(&:split)).to include([orders, "4", "1", "yes"])

    expect(karafka("topics", "reset").out.lines.map(&:chomp)).to eq(["- #{orders}", "- #{mails}", "+ #{orders}", "+ #{mails}"])
    fail_in_one_line("topics", "delete", env: { "KARAFKA_ENV" => "production" }, with: /in production: add --yes/)
    expect(karafka("topics", "delete", "--yes", env: { "KARAFKA_ENV" => "production" }).out.lines.size).to eq(2)
    expect(karafka("topics", "delete").out).to eq("None of the 2 declared topics exists, nothing to do\n")
  end

  it "reports a topic with one replica" do
    declare
    karafka("topics", "create")
    result = karafka("topics", "health")
    expect(result.status).to eq(0)
    expect(result.out).to match(/^warning: #{orders}: has one replica: its messages are lost with that broker \(partitions 0, 1\)$/)
  end

  it "looks at the topics of a Kafka that it is given, without an application" do
    at = ["--brokers", cluster.bootstrap_servers]
    topic = cluster.create_topic(partitions: 3)
    expect(karafka("topics", "list", *at).out).to match(/^#{topic} +3 +1/)
    expect(karafka("topics", "describe", topic, *at).out).to match(/\A#{topic} \(.+\), 3 partitions$/)
    fail_in_one_line("topics", "plan", *at, with: /karafka\.rb/)
  end

  it "says a mistake in one line" do
    declare
    fail_in_one_line("topics", "describe", "missing-#{orders}", with: /missing-#{orders}/)
    application("")
    fail_in_one_line("topics", "plan", with: /no topic is declared: add `config partitions: 3`/)
    application(%(Karafka::App.declaratives.draw { topic("#{orders}") { replication_factor 99 } }))
    fail_in_one_line("topics", "create", with: /replication/)
    application(%(Karafka::App.declaratives.draw { topic("#{orders}") { config "retention.ms": "soon" } }))
    fail_in_one_line("topics", "create", with: /retention\.ms/)
    expect(karafka("topics", "plan", "--help").out).to include("karafka topics plan", "--detailed-exitcode", "Example")
    expect(karafka("topics").out).to include("karafka topics migrate")
  end
end

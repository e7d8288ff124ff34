# frozen_string_literal: true

require_relative "../spec_helper"
require_relative "../support/command_line"
require_relative "../support/native_config"

RSpec.describe "karafka groups", deadline: 300 do
  include CommandLine
  include NativeConfig

  let(:topic) { cluster.create_topic(partitions: 2) }
  let(:group) { unused_name("group") }
  let(:at) { ["--brokers", cluster.bootstrap_servers] }

  def produce(count) = karafka("produce", topic, *at, "--partition", "0", input: (1..count).to_a.join("\n"))
  def groups(*argv) = karafka("groups", *argv, *at)
  def lag = JSON.parse(groups("lag", group, "--json").out)["lags"].first
  def committed = JSON.parse(groups("describe", group, "--json").out)["offsets"].to_h { |row| row.values_at("partition", "offset") }

  it "moves a group, prints where it is and how far behind, copies, renames and deletes it" do
    produce(10)
    dry = groups("seek", group, "--topic", topic, "--to", "4", "--partition", "0", "--dry-run")
    expect([dry.status, dry.out]).to match([0, /#{topic} +0 +4\nNothing was changed \(--dry-run\)/])
    expect(groups("seek", group, "--topic", topic, "--to", "4", "--partition", "0").out).to include("1 partitions of #{group} moved")
    expect(committed).to eq(0 => 4)
    expect(lag).to include("group" => group, "topic" => topic, "lag" => 6, "seconds" => be_between(0, 300))
    expect(groups("lag", group).out.lines.first).to match(/group +topic +partitions +lag +seconds/)

    expect(groups("seek", group, "--to", "latest", "--partition", "0").out).to match(/#{topic} +0 +4 +10$/)
    expect([committed[0], lag["lag"], lag["seconds"]]).to eq([10, 0, nil])
    groups("seek", group, "--to", "-1h")
    expect(committed[0]).to eq(0)
    groups("seek", group, "--to", "earliest")
    expect(groups("list").out).to match(/^#{group} +empty/)

    expect(groups("copy", group, "#{group}-b").out).to eq("#{group} copied to #{group}-b\n")
    expect(groups("rename", "#{group}-b", "#{group}-c").status).to eq(0)
    expect(groups("delete", "#{group}-c").out).to eq("#{group}-c deleted\n")
    expect(groups("list").out).not_to include("#{group}-b", "#{group}-c")
  end

  it "refuses to move a group that has members, and says who they are" do
    produce(1)
    settings = { "bootstrap.servers" => cluster.bootstrap_servers, "group.id" => group }
    engine = Karafka::Engine.new(one_group("g", settings, { name: topic }))
    engine.start
    wait = Timeout.timeout(60) { nil until groups("describe", group).out.include?(topic) }
    expect(wait).to be_nil
    fail_in_one_line("groups", "seek", group, "--to", "earliest", "--topic", topic, *at,
                     with: /group #{group} has 1 member, .*Stop it first/)
    fail_in_one_line("groups", "delete", group, *at, with: /has 1 member/)
  ensure
    engine&.stop
    engine&.join(30_000)
  end

  it "says a mistake in one line" do
    fail_in_one_line("groups", "seek", group, "--to", "earliest", *at,
                     with: /has committed nothing: say which topics are meant with --topic/)
    fail_in_one_line("groups", "seek", group, "--to", "soon", "--topic", topic, *at, with: /--to is "soon"/)
    fail_in_one_line("groups", "seek", group, "--to", "1", "--topic", topic, "--partition", "x", *at,
                     with: /--partition is x, but must be numbers/)
    fail_in_one_line("groups", "lag", group, *at, with: /has committed nothing/)
    fail_in_one_line("groups", "copy", group, "#{group}-b", *at, with: /has committed nothing/)
    fail_in_one_line("groups", "list", with: /where is Kafka\?/)
  end
end

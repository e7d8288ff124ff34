# frozen_string_literal: true

require_relative "../spec_helper"
require "pty"
require_relative "../support/command_line"
require_relative "../support/native_config"
require_relative "../support/wait"

RSpec.describe "karafka groups", deadline: 300 do
  include CommandLine
  include NativeConfig
  include Wait

  let(:topic) { cluster.create_topic(partitions: 2) }
  let(:group) { unused_name("group") }
  let(:at) { ["--brokers", cluster.bootstrap_servers] }

  def produce(count) = karafka("produce", topic, *at, "--partition", "0", input: (1..count).to_a.join("\n"))
  def groups(*argv) = karafka("groups", *argv, *at)
  def lag = JSON.parse(groups("lag", group, "--json").out)["lags"].first
  def committed = JSON.parse(groups("describe", group, "--json").out)["offsets"].to_h { |row| row.values_at("partition", "offset") }

  # @return [Array<String>] the words of the next line about the group
  def next_row(out)
    Timeout.timeout(120) { out.each_line { |line| return line.split if line.start_with?(group) } }
  end

  it "moves a group, prints where it is and how far behind, copies, renames and deletes it" do
    produce(10)
    dry = groups("seek", group, "--topic", topic, "--to", "4", "--partition", "0", "--dry-run")
    expect([dry.status, dry.out]).to match([0, /#{topic} +0 +4\nNothing was changed \(--dry-run\)/])
    expect(groups("seek", group, "--topic", topic, "--to", "4", "--partition", "0").out).to include("1 partition of #{group} moved")
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

  it "says what waits in partitions where the group has committed nothing" do
    2.times { |partition| karafka("produce", topic, *at, "--partition", partition.to_s, input: "1\n2\n3") }
    groups("seek", group, "--topic", topic, "--to", "latest", "--partition", "0")
    expect(lag).to include("partitions" => 2, "lag" => 0, "uncommitted" => 3)
    expect(groups("lag", group).out.lines.last).to eq("#{topic}: 3 messages more where #{group} has committed nothing (partition 1)\n")
    groups("seek", group, "--topic", topic, "--to", "earliest", "--partition", "1")
    expect(lag).to include("partitions" => 2, "lag" => 3, "uncommitted" => 0)
    expect(groups("lag", group).out).not_to include("more where")
  end

  it "still says how far a group is behind in other topics when one is gone" do
    gone = cluster.create_topic
    [topic, gone].each { |name| groups("seek", group, "--topic", name, "--to", "earliest") }
    cluster.delete_topic(gone)
    wait_until("the topic is gone") { !karafka("topics", "list", *at).out.include?(gone) }
    expect(lag).to include("topic" => topic, "partitions" => 2, "lag" => 0)
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

  # A program behind a pipe reads each round as it comes; a person has a terminal.
  { "a pipe" => IO.method(:pipe), "a terminal" => PTY.method(:open) }.each do |name, open|
    it "prints the lag again and again with --watch, into #{name}, until Ctrl-C" do
      produce(10)
      groups("seek", group, "--topic", topic, "--to", "4", "--partition", "0")
      out, input = open.call
      pid = spawn({ "BUNDLE_GEMFILE" => nil }, *CommandLine::COMMAND, "groups", "lag", group, "--watch", "0.2", *at,
                  out: input, err: :out, chdir: directory)
      input.close
      first, second = Array.new(2) { next_row(out) }
      expect([first, second]).to match([[group, topic, "2", "6", /\A\d+\z/], [group, topic, "2", "6", /\A\d+\z/, "0.0"]])
      groups("seek", group, "--to", "8", "--partition", "0")
      wait_until("less lag") { next_row(out)[3] == "2" }
      Process.kill("INT", pid)
      expect(wait_for_exit(pid).exitstatus).to eq(0)
      pid = nil
    ensure
      Process.kill("KILL", pid) if pid
      out&.close
    end
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

# frozen_string_literal: true

require_relative "../spec_helper"
require "shellwords"
require_relative "../support/command_line"

RSpec.describe "karafka consume", deadline: 300 do
  include CommandLine

  let(:topic) { cluster.create_topic(partitions: 2) }
  let(:at) { ["--brokers", cluster.bootstrap_servers] }

  def produce(*lines, partition: 0)
    rows = lines.map { |line| JSON.generate({ partition: partition }.merge(line.is_a?(Hash) ? line : { payload: line })) }
    expect(karafka("produce", topic, "--format", "json", *at, input: rows.join("\n")).to_a).to eq([0, "", ""])
  end

  def lines(*argv, **options)
    result = karafka("consume", topic, *at, *argv, **options)
    expect([result.status, result.err]).to eq([0, ""])
    result.out.lines(chomp: true)
  end

  it "prints payloads from any place to any other, and commits nothing" do
    produce("one", "two", "three", "four")
    produce("other", partition: 1)
    expect(lines).to match_array(%w[one two three four other])
    expect(lines("--partition", "0")).to eq(%w[one two three four])
    expect(lines("--partition", "0", "--from", "1", "--to", "3")).to eq(%w[two three])
    expect(lines("--partition", "0", "--from", "-2")).to eq(%w[three four])
    expect(lines("--partition", "0", "--limit", "1")).to eq(["one"])
    expect(lines("--from", "latest")).to eq([])
    expect(lines("--from", "-1h").size).to eq(5)
    expect(lines("--from", "now")).to eq([])
    expect(JSON.parse(karafka("groups", "list", *at, "--json").out)["groups"].map { |group| group["group"] }.grep(/#{topic}/)).to eq([])
  end

  it "prints the bytes of payloads as they are, and a line for a message without one" do
    produce({ payload: nil }, { payload_base64: ["\xFF\x00a"].pack("m0") }, { payload: "\u00e9" }, { payload: "" })
    produce({ payload: "x", headers: { "a" => "1" } }, partition: 1)
    raw = karafka("consume", topic, *at, "--partition", "0").out.b
    expect(raw).to eq("\n\xFF\x00a\n\u00e9\n\n".b)
    expect(karafka("consume", topic, *at, "--partition", "0", "--format", "%s").out.b).to eq(raw)
    expect(lines("--header", "a=1")).to eq(["x"])
  end

  it "filters by key and payload, prints fields, headers and JSON" do
    produce({ payload: "a refund", key: "1", headers: { "h" => "x" }, timestamp: 1_700_000_000_000 }, { payload: "a sale", key: "2" },
            { payload: nil, key: "1", headers: {} })
    expect(lines("--key", "2")).to eq(["a sale"])
    expect(lines("--grep", "ref|none")).to eq(["a refund"])
    expect(lines("--limit", "1", "--format", "%t %p %o %T %h %k %s")).to eq(["#{topic} 0 0 1700000000000 h=x 1 a refund"])
    expect(lines("--limit", "1", "--headers")).to eq(["h=x\ta refund"])
    expect(JSON.parse(lines("--format", "json", "--from", "2", "--partition", "0").first))
      .to include("topic" => topic, "partition" => 0, "offset" => 2, "key" => "1", "payload" => nil)
  end

  it "prints what the route's deserializer makes of a payload" do
    application(<<~RUBY)
      class Doubling
        def call(message) = { "twice" => message.raw_payload * 2 }
      end
      Karafka::App.routes.draw { topic("#{topic}") { consumer CommandConsumer; deserializer Doubling.new } }
    RUBY
    produce("ab")
    expect(lines("--deserialize")).to eq(['{"twice":"abab"}'])
    expect(lines).to eq(["ab"])
  end

  it "goes on at the end with --follow, until Ctrl-C, which is quiet" do
    produce("before")
    out, writer = IO.pipe
    pid = spawn({ "BUNDLE_GEMFILE" => nil }, *CommandLine::COMMAND, "consume", topic, *at, "--follow", out: writer, chdir: directory)
    writer.close
    expect(Timeout.timeout(60) { out.gets }).to eq("before\n")
    produce("after")
    expect(Timeout.timeout(60) { out.gets }).to eq("after\n")
    Process.kill("INT", pid)
    expect(Timeout.timeout(60) { Process.wait2(pid)[1].exitstatus }).to eq(0)
    pid = nil
  ensure
    Process.kill("KILL", pid) if pid
  end

  it "is quiet where the reader of a pipe has gone" do
    produce(*Array.new(3_000) { |number| "#{number} #{"x" * 100}" })
    command = CommandLine::COMMAND.map { |word| Shellwords.escape(word) }.join(" ")
    out, err, = Open3.capture3({ "BUNDLE_GEMFILE" => nil }, "#{command} consume #{topic} #{at.join(" ")} | head -1", chdir: directory)
    expect([out.lines.size, err]).to eq([1, ""])
  end

  it "says a mistake in one line" do
    fail_in_one_line("consume", topic, *at, "--from", "yesterday", with: /--from is "yesterday", but must be earliest, latest, an offset/)
    fail_in_one_line("consume", topic, *at, "--grep", "(", with: /--grep \(/)
    fail_in_one_line("consume", topic, *at, "--format", "%q", with: /there is no %q/)
    fail_in_one_line("consume", "missing-#{topic}", *at, with: /missing-#{topic}/)
    fail_in_one_line("consume", topic, *at, "--partition", "7", with: /partitions/)
  end
end

# frozen_string_literal: true

RSpec.describe Karafka::Server::ControlCommands do
  peer = Struct.new(:name, :uid, :pid).new("deploy", 1_000, 42)

  before { Karafka::App.config.logger = Logger.new(@log = StringIO.new) }

  define_method(:ask) { |request| described_class.call(request, peer) }

  [
    ["no object", [1], /JSON object/],
    ["another command", { "command" => "exit" }, /pause, resume, skip, workers/],
    ["no topic", { "command" => "pause" }, /pause needs topic/],
    ["a skip without a reason", { "command" => "skip", "topic" => "a", "partition" => 0, "offset" => 1 }, /skip needs reason/],
    ["an unknown field", { "command" => "pause", "topic" => "a", "x" => 1 }, /does not know "x"/],
    ["a topic that is no name", { "command" => "pause", "topic" => { "a" => 1 } }, /topic is .* must be a name/],
    ["a partition of another type", { "command" => "pause", "topic" => "a", "partition" => "0" }, /must be an Integer of at least 0/],
    ["an offset that no partition has", { "command" => "skip", "topic" => "a", "partition" => 0, "offset" => 2**63, "reason" => "x" },
     /offset is 9223372036854775808/],
    ["no workers", { "command" => "workers", "workers" => 0 }, /from 1 to 1000/],
    ["a process that runs nothing", { "command" => "workers", "workers" => 3 }, /not running/],
    ["a skip where nothing runs", { "command" => "skip", "topic" => "a", "partition" => 0, "offset" => 1, "reason" => "x" },
     /no server runs/]
  ].each do |name, request, error|
    it "refuses #{name}" do
      expect(ask(request)).to match(ok: false, error: error, pid: Process.pid)
    end
  end

  it "logs who asked and why in one line, whatever that has in it, and emits an event" do
    events = []
    Karafka.monitor.subscribe("control.command") { |event| events << event.payload }
    ask("command" => "workers", "workers" => 3, "reason" => "a\nFATAL b\e[31m")
    expect(@log.string.lines.size).to eq(1)
    expect(@log.string).to match(/workers by deploy \(uid 1000, process 42\), because "a\\nFATAL b\\e\[31m": refused: /)
    expect(events.first).to include(command: "workers", user: "deploy", uid: 1_000, pid: 42, reason: "a\nFATAL b\e[31m")
  end

  it "logs no request that makes no sense" do
    ask("command" => "workers")
    expect(@log.string).to eq("")
  end
end

# frozen_string_literal: true

require "support/fake_processes"

RSpec.describe Karafka::Swarm::Manager do
  let(:processes) { FakeProcesses.new }
  let(:log) { StringIO.new }
  let(:limits) do
    Karafka::App.config.swarm.tap do |swarm|
      swarm.node_report_timeout = 10_000
      swarm.node_restart_timeout = 2_000
      swarm.node_memory_limit = 500
    end
  end
  let(:nodes) do
    Array.new(2) { |id| Karafka::Swarm::Node.new(id, processes, Karafka::Swarm::Backoff.new(2.0), clock: processes) }
  end
  let(:manager) { described_class.new(nodes, limits, 30_000, clock: processes) { 0 } }

  before do
    Karafka::App.config.logger = Logger.new(log)
    manager.start
    pids.each { |pid| processes.beat(pid) }
    manager.look
  end

  after { nodes.each { |node| node.beats.close unless node.beats.closed? } }

  def pids = nodes.map(&:pid)

  # Time passes in steps that a supervisor would take, with signs of life of the given nodes.
  def pass(seconds, beating: nodes, **health)
    (seconds / 0.25).round.times do
      processes.now += 0.25
      beating.each { |node| processes.beat(node.pid, **health) if node.alive? }
      manager.look
    end
  end

  def events(*names)
    seen = []
    names.each { |name| Karafka.monitor.subscribe(name) { |event| seen << [event.id, event[:node].id, event[:status]] } }
    seen
  end

  it "starts a node that was killed again at once, and one that keeps failing later each time" do
    waits = Array.new(6) do
      before = nodes[0].pid
      processes.end(before, signal: :KILL)
      started = processes.now
      pass(0.25) until nodes[0].pid != before
      processes.now - started
    end
    expect(waits).to eq([0.25, 0.5, 0.75, 1.25, 2.25, 2.25])
    expect(nodes[1].pid).to eq(102)
    expect(log.string).to match(/node 0 \(process 101\) has ended with SIGKILL.*it starts again in 0.0 s/)
    pass(5)
    processes.end(nodes[0].pid, status: 1)
    expect { pass(0.25) }.to change(nodes[0], :pid)
  end

  it "starts a node that ended with 0 again without a wait" do
    2.times do
      processes.end(nodes[0].pid, status: 0)
      expect { pass(0.25) }.to change(nodes[0], :pid)
    end
  end

  it "kills a node that gives no sign of life for node_report_timeout" do
    seen = events("swarm.manager.terminating")
    pass(9.75, beating: [nodes[1]])
    expect(processes.signals).to be_empty
    pass(0.5, beating: [nodes[1]])
    expect(processes.signals).to eq([[:KILL, 101]])
    expect(seen).to eq([["swarm.manager.terminating", 0, -1]])
    pass(1, beating: [nodes[1]])
    expect(processes.signals.size).to eq(1)
  end

  it "does not blame the nodes for time in which the supervisor itself stood still" do
    processes.now += 3_600
    manager.look
    expect(processes.signals).to be_empty
    pass(9, beating: [])
    expect(processes.signals).to be_empty
    pass(2, beating: [])
    expect(processes.signals).to eq([[:KILL, 101], [:KILL, 102]])
  end

  it "asks a node to end whose batch is over its limit or whose poll thread hangs, and kills it 5 s later" do
    seen = events("swarm.manager.stopping", "swarm.manager.terminating")
    processes.beat(101, overdue: { topic: "orders", partition: 3, age_ms: 9_000 })
    processes.beat(102, poll_age_ms: 10_001)
    manager.look
    expect(processes.signals).to eq([[:TERM, 101], [:TERM, 102]])
    expect(log.string).to include("orders/3 is being processed for 9000 ms", "one of its poll threads has not come round for 10001 ms")
    pass(4.75)
    expect(processes.signals.size).to eq(2)
    pass(0.5)
    expect(processes.signals.last(2)).to eq([[:KILL, 101], [:KILL, 102]])
    expect(seen).to eq([["swarm.manager.stopping", 0, 2], ["swarm.manager.stopping", 1, 1],
                        ["swarm.manager.terminating", 0, 0], ["swarm.manager.terminating", 1, 0]])
  end

  it "restarts a node with too much memory, which has the time of a stop, and does not count that as a failure" do
    processes.memories[101] = 501
    3.times do
      pid = nodes[0].pid
      processes.memories[pid] = 501
      pass(0.25)
      expect(processes.signals.last).to eq([:TERM, pid])
      pass(30)
      processes.end(pid, status: 0)
      expect { pass(0.25) }.to change(nodes[0], :pid)
    end
    expect(log.string).to include("it has 501 MB of memory, more than config.swarm.node_memory_limit (500)")
    expect(processes.signals.map(&:first)).to all(be(:TERM))
  end

  it "tries again where the system has no process for a node, and signals none meanwhile" do
    processes.full = true
    processes.end(101, status: 1)
    pass(0.25)
    expect(log.string).to match(/node 0 cannot be forked: .*tried again in 5 s/)
    manager.signal(:TTIN)
    expect(processes.signals).to eq([[:TTIN, 102]])
    processes.full = false
    pass(4.5)
    expect(nodes[0]).not_to be_alive
    pass(0.5)
    expect(nodes[0].pid).to eq(103)
  end

  it "leaves a node alone that is stopped, whatever it says meanwhile" do
    manager.stop
    pass(1, overdue: { topic: "orders", partition: 3, age_ms: 9_000 })
    expect(processes.signals).to eq([[:TERM, 101], [:TERM, 102]])
  end

  it "takes what is no state for no sign of life, and puts lines together that come in parts" do
    processes.write(101, "puts of the application\n")
    processes.write(101, '{"state":"run')
    manager.look
    processes.write(101, "ning\",\"joined\":false}\n")
    manager.look
    expect(nodes[0]).not_to be_ready
    expect(log.string).to match(/has written "puts of the application", which is not its state/)
    expect(nodes[0].health.state).to eq(:running)
  end

  describe "a stop" do
    it "ends all nodes, kills those that do not end in time, and gives the worst status" do
      manager.stop
      expect(processes.signals).to eq([[:TERM, 101], [:TERM, 102]])
      processes.end(101, status: 0)
      pass(34.75)
      expect(manager).not_to be_stopped
      pass(0.5)
      expect(processes.signals.last).to eq([:KILL, 102])
      processes.end(102, signal: :KILL)
      manager.look
      expect([manager.stopped?, manager.exit_status, pids]).to eq([true, 2, [101, 102]])
    end

    it "that comes again is passed on, and kills after 5 s" do
      manager.stop
      manager.stop
      expect(processes.signals).to eq([[:TERM, 101], [:TERM, 102]] * 2)
      pass(5.25)
      expect(processes.signals.last(2)).to eq([[:KILL, 101], [:KILL, 102]])
    end

    it "is clean where each node was, also one that had not begun" do
      manager.stop
      processes.end(101, status: 0)
      processes.end(102, signal: :TERM)
      manager.look
      expect([manager.stopped?, manager.exit_status]).to eq([true, 0])
    end

    it "is an error where a node had one" do
      manager.stop
      processes.end(101, status: 1)
      processes.end(102, status: 0)
      manager.look
      expect(manager.exit_status).to eq(1)
    end

    it "starts none again, and signals none that has ended" do
      processes.end(101, status: 1)
      manager.look
      processes.end(102, status: 1)
      manager.stop
      pass(10)
      expect([pids, processes.signals, manager.stopped?]).to eq([[103, 102], [[:TERM, 103], [:TERM, 102]], false])
      processes.end(103, status: 0)
      manager.look
      expect(manager).to be_stopped
    end
  end

  describe "a rolling restart" do
    it "restarts one node after the other, each once the one before takes part in its groups" do
      seen = events("swarm.manager.stopping", "swarm.manager.before_fork")
      manager.roll
      pass(1)
      expect(processes.signals).to eq([[:TERM, 101]])
      processes.end(101, status: 0)
      pass(0.25)
      expect(nodes[0].pid).to eq(103)
      pass(20, beating: nodes, joined: false)
      expect(processes.signals.size).to eq(1)
      pass(0.5)
      expect(processes.signals.last).to eq([:TERM, 102])
      processes.end(102, status: 0)
      pass(5)
      expect(pids).to eq([103, 104])
      expect(processes.signals.size).to eq(2)
      expect(seen.map { |event| event.first(2) }).to eq([["swarm.manager.stopping", 0], ["swarm.manager.before_fork", 0],
                                                         ["swarm.manager.stopping", 1], ["swarm.manager.before_fork", 1]])
    end

    it "goes on after a minute where a node does not join, and after a node that dies meanwhile" do
      manager.roll
      pass(0.25)
      processes.end(101, status: 0)
      pass(0.25)
      processes.end(103, status: 1)
      pass(0.5, joined: false)
      expect(nodes[0].pid).to eq(104)
      pass(60.5, joined: false)
      expect(processes.signals.last).to eq([:TERM, 102])
    end

    it "ends with a stop" do
      manager.roll
      pass(0.25)
      manager.stop
      processes.end(101, status: 0)
      processes.end(102, status: 0)
      pass(5)
      expect([manager.stopped?, pids]).to eq([true, [101, 102]])
    end
  end

  describe "quiet" do
    it "is passed on once a node looks at signals, and starts none again" do
      processes.end(101, status: 1)
      pass(0.25)
      manager.quiet
      pass(1, beating: [nodes[1]], quiet: true)
      expect(processes.signals).to eq([[:TSTP, 102]])
      expect(manager).not_to be_quiet
      pass(1, quiet: true)
      expect(processes.signals).to eq([[:TSTP, 102], [:TSTP, 103]])
      expect(manager).to be_quiet
      processes.end(103, status: 1)
      pass(5, quiet: true)
      expect(pids).to eq([103, 102])
    end
  end

  it "passes a signal on to nodes that look at it" do
    processes.end(102, status: 0)
    pass(0.25, beating: [nodes[0]])
    manager.signal(:TTIN)
    expect(processes.signals).to eq([[:TTIN, 101]])
  end

  it "keeps a signal for a node that does not look at it yet, and forgets it where the node ends before" do
    processes.end(101, status: 0)
    processes.end(102, status: 0)
    pass(0.25, beating: [])
    2.times { manager.signal(:TTIN) }
    expect(processes.signals).to eq([])
    processes.end(pids[0], status: 0)
    pass(0.25, beating: [])
    pass(0.5)
    expect(processes.signals).to eq([[:TTIN, pids[1]]])
  end
end

# frozen_string_literal: true

require "support/fake_processes"
require "support/wait"

RSpec.describe Karafka::Swarm::Supervisor do
  include Wait

  let(:processes) { FakeProcesses.new }
  let(:supervisor) { described_class.new(processes: processes) }
  let(:seen) { [] }

  before do
    Karafka::App.setup do |config|
      config.kafka = { "bootstrap.servers": "127.0.0.1:1" }
      config.swarm.nodes = 2
      config.logger = Logger.new(@log = StringIO.new)
    end
    consumer = Class.new(Karafka::BaseConsumer) { def consume; end }
    Karafka::App.routes.draw { topic(:orders) { consumer consumer } }
    %w[supervising quieting quiet stopping stopped terminated before_warmup after_warmup].each do |name|
      Karafka.monitor.subscribe("app.#{name}") { seen << name }
    end
  end

  after { supervisor.manager&.nodes&.each { |node| node.beats&.close unless node.beats&.closed? } }

  # Serves in a thread while the block acts on it.
  def serve
    supervisor.start
    server = Thread.new { supervisor.serve }
    yield
    wait_until("its end") { !server.alive? }
    server.value
  end

  it "warms up, forks, and ends with its nodes" do
    status = serve do
      supervisor.manager.nodes.each { |node| processes.beat(node.pid) }
      supervisor.control.push(:TSTP)
      wait_until("quieting") { processes.signals.count { |name, _| name == :TSTP } == 2 }
      supervisor.manager.nodes.each { |node| processes.beat(node.pid, quiet: true) }
      wait_until("quiet") { seen.last == "quiet" }
      supervisor.control.push(:TERM)
      wait_until("the stop") { processes.signals.count { |name, _| name == :TERM } == 2 }
      supervisor.manager.nodes.each { |node| processes.end(node.pid, status: 0) }
    end
    expect(status).to eq(0)
    expect(seen).to eq(%w[before_warmup after_warmup supervising quieting quiet stopping stopped terminated])
    expect(supervisor.status.done?).to be(true)
  end

  it "ends its nodes before it goes on with what is raised in its thread" do
    supervisor.start
    server = Thread.new { supervisor.serve }
    server.report_on_exception = false
    wait_until("the wait") { server.status == "sleep" }
    server.raise("from outside")
    wait_until("the stop") { processes.signals.count { |name, _| name == :TERM } == 2 }
    supervisor.manager.nodes.each { |node| processes.end(node.pid, status: 0) }
    expect { server.value }.to raise_error(RuntimeError, "from outside")
    expect(seen.last(3)).to eq(%w[stopping stopped terminated])
  end

  it "stops at once where it was told to before it started" do
    supervisor.stop
    expect(serve { nil }).to eq(0)
    expect(processes.signals).to be_empty
  end

  it "forks nothing where a node would have nothing to consume" do
    consumer = Class.new(Karafka::BaseConsumer) { def consume; end }
    Karafka::App.routes.clear
    Karafka::App.routes.draw do
      topic(:orders) do
        consumer consumer
        swarm(nodes: [0])
      end
    end
    expect { supervisor.start }
      .to raise_error(Karafka::Errors::InvalidConfigurationError, /\Anode 1 of the swarm.*nothing to consume/)
    expect(Karafka::App.config.swarm.node).to be_nil
  end

  it "forks nothing where a topic is for a node that the command line has taken away" do
    consumer = Class.new(Karafka::BaseConsumer) { def consume; end }
    Karafka::App.routes.draw do
      topic(:bills) do
        consumer consumer
        swarm(nodes: [1])
      end
    end
    Karafka::App.boot!
    Karafka::App.config.swarm.nodes = 1
    expect { supervisor.start }.to raise_error(Karafka::Errors::InvalidConfigurationError, /topic bills swarm nodes is \[1\]/)
  end

  it "refuses a memory limit where memory cannot be read" do
    allow(Karafka::Swarm::Processes).to receive(:memory?).and_return(false)
    Karafka::App.config.swarm.node_memory_limit = 500
    expect { supervisor.start }.to raise_error(Karafka::Errors::InvalidConfigurationError, /node_memory_limit is 500, but must be nil/)
  end
end

RSpec.describe Karafka::Swarm::Processes do
  let(:processes) { described_class.new }

  it "forks, reads what the child writes, reads its memory, and reaps it" do
    pid, reader = processes.fork do |writer|
      writer.puts("up")
      $stdin.reopen(File::NULL)
      sleep
    end
    expect(reader.gets).to eq("up\n")
    expect(processes.memory(pid)).to be_between(1, 10_000)
    expect(processes.ended(pid)).to be_nil
    processes.signal(:KILL, pid)
    expect(reader.read).to eq("")
    status = Wait.wait_until("its end") { processes.ended(pid) }
    expect(status.termsig).to eq(Signal.list["KILL"])
    expect(processes.ended(pid)).to eq(:unknown)
    expect(processes.memory(pid)).to be_nil
    expect(processes.signal(:TERM, pid)).to be_nil
  end
end

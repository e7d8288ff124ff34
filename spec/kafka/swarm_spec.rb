# frozen_string_literal: true

require_relative "../spec_helper"
require_relative "../support/real_swarm"

# A supervisor and its nodes as processes, on real Kafka.
RSpec.describe "karafka swarm", deadline: 200 do
  include RealSwarm

  after do
    stop_supervisor
    producer.close
  end

  it "consumes with all nodes, passes signals on, and ends with them" do
    topic = cluster.create_topic(partitions: 4)
    start(topic, setup: <<~RUBY)
      Karafka.monitor.subscribe("swarm.node.after_fork") do |event|
        OUT.write("tags \#{event[:node].id} \#{Karafka::App.config.swarm.node.pid == Process.pid} \#{Karafka::Process.tags.to_a.join(" ")}\\n")
      end
      Karafka.monitor.subscribe("app.running") { OUT.write("mode \#{Karafka::Server.execution_mode} \#{Karafka::Process.tags.to_a.sort.join(" ")}\\n") }
      Karafka.monitor.subscribe("app.supervising") { OUT.write("mode \#{Karafka::Server.execution_mode} \#{Karafka::App.supervising?}\\n") }
    RUBY
    place = started(topic)
    expect(place.values.to_h { |line| [line.node, line.pid] }).to eq(nodes)
    expect(@swarm.output).to include("mode supervisor true", "tags 0 true mode:supervisor node:0", "tags 1 true mode:supervisor node:1",
                                     "mode swarm mode:swarm node:0", "mode swarm mode:swarm node:1")
    pids = nodes.values
    @swarm.signal(:TTIN)
    wait_until("all backtraces") { @swarm.log.scan(/Thread krs|Engine \{/).size >= 2 }
    # To a node, as `pkill` would: the supervisor's signals mean nothing to it.
    %i[INT USR2 HUP].each { |name| Process.kill(name, pids.first) }
    @swarm.signal(:TSTP)
    @swarm.wait_for_log(/Reached quiet mode.*\(#{@swarm.pid}\)/)
    @swarm.signal(:TERM)
    expect(@swarm.wait).to eq(0)
    expect(pids.select { |pid| alive?(pid) }).to eq([])
    expect(nodes.values).to eq(pids)
  end

  it "has a killed node back, and with static membership its partitions go on without a rebalance" do
    topic = cluster.create_topic(partitions: 4)
    start(topic, kafka: RealSwarm::STATIC)
    place = started(topic)
    killed = place[0].pid
    others = nodes.values - [killed]
    before = assigned(others.first)
    killed_at = Process.clock_gettime(Process::CLOCK_MONOTONIC)
    Process.kill(:KILL, killed)
    4.times { |partition| send_to(topic, partition, "second") }
    found = wait_for("second", 0..3)
    took = Process.clock_gettime(Process::CLOCK_MONOTONIC) - killed_at
    expect(found[0].node).to eq(place[0].node)
    expect(found[0].pid).not_to eq(killed)
    expect(took).to be < 25 # The session is 30 s.
    expect(assigned(others.first)).to eq(before)
    @swarm.signal(:TERM)
    expect(@swarm.wait).to eq(0)
  end

  it "leaves no node behind when it is killed itself: those that work commit, and one that hangs is cut off" do
    topic = cluster.create_topic(partitions: 4)
    start(topic, setup: "config.shutdown_timeout = 1_000", body: <<~RUBY, route: "long_running_limit false")
      if message.raw_payload == "hang"
        require "fiddle"
        OUT.write("hangs\\n")
        wait = Fiddle::Function.new(Fiddle.dlopen(nil)["sleep"], [Fiddle::TYPE_INT], Fiddle::TYPE_INT, need_gvl: true)
        loop { wait.call(60) }
      end
    RUBY
    place = started(topic)
    send_to(topic, 0, "hang")
    @swarm.wait_for_output { |output| output.include?("hangs") }
    other = (0..3).find { |partition| place[partition].pid != place[0].pid }
    send_to(topic, other, "last")
    wait_for("last", [other])
    pids = nodes.values
    Process.kill(:KILL, @swarm.pid)
    @swarm.wait
    wait_until("the end of the nodes") { pids.none? { |pid| alive?(pid) } }
    expect(committed(topic, other)).to eq(lines.count { |line| line.partition == other })
  end

  it "restarts one node after the other on USR2, under load, and loses nothing; static members cause no rebalance" do
    topic = cluster.create_topic(partitions: 4)
    start(topic, kafka: RealSwarm::STATIC)
    started(topic)
    former = nodes.values
    rebalances = former.to_h { |pid| [pid, assigned(pid)] }
    count = 0
    loading = true
    load = Thread.new do
      while loading
        4.times { |partition| send_to(topic, partition, "n#{count += 1}") }
        sleep 0.005
      end
    end
    @swarm.signal(:USR2)
    wait_until("new nodes") { (nodes.values & former).empty? && nodes.values.all? { |pid| lines.any? { |line| line.pid == pid } } }
    loading = false
    load.join
    wanted = Array.new(count) { |index| "n#{index + 1}" }
    wait_until("all messages") { (wanted - lines.map(&:payload)).empty? }
    expect(former.to_h { |pid| [pid, assigned(pid)] }).to eq(rebalances)
    expect(nodes.values.map { |pid| assigned(pid) }).to eq([1, 1])
    # A node stops with all it has done committed, so nothing comes twice.
    expect(lines.map(&:payload).grep(/\An/).tally.select { |_, times| times > 1 }).to eq({})
    @swarm.signal(:TERM)
    expect(@swarm.wait).to eq(0)
  end

  it "restarts a node with too much memory, after it has stopped cleanly" do
    topic = cluster.create_topic(partitions: 4)
    start(topic, setup: "config.swarm.node_memory_limit = 250", body: <<~RUBY)
      ($kept ||= []) << ("x" * 300_000_000) if message.raw_payload == "grow"
    RUBY
    place = started(topic)
    send_to(topic, 0, "grow")
    @swarm.wait_for_log(/node #{place[0].node} \(process #{place[0].pid}\) is ended and starts again: it has \d+ MB of memory/)
    wait_until("another process") { nodes[place[0].node] != place[0].pid }
    send_to(topic, 0, "after")
    wait_for("after", [0])
    expect(lines.count { |line| line.payload == "grow" }).to eq(1)
    @swarm.signal(:TERM)
    expect(@swarm.wait).to eq(0)
  end

  it "leaves a node alone that holds Ruby's lock for 20 s, and ends one that gives no sign of life or whose batch does not end" do
    topic = cluster.create_topic(partitions: 4)
    start(topic, nodes: 2, setup: "config.swarm.node_report_timeout = 4_000", route: "long_running_limit 25_000", body: <<~RUBY)
      if message.raw_payload == "hold"
        require "fiddle"
        wait = Fiddle::Function.new(Fiddle.dlopen(nil)["sleep"], [Fiddle::TYPE_INT], Fiddle::TYPE_INT, need_gvl: true)
        till = Process.clock_gettime(Process::CLOCK_MONOTONIC) + 20
        OUT.write("holds\\n")
        while (left = till - Process.clock_gettime(Process::CLOCK_MONOTONIC)) > 0
          wait.call(left.ceil)
        end
      elsif message.raw_payload == "hang" && !File.exist?(ENV.fetch("APP_OUTPUT") + ".hung")
        File.write(ENV.fetch("APP_OUTPUT") + ".hung", Process.pid.to_s)
        sleep
      end
    RUBY
    place = started(topic)
    held = place[0]
    other = place.values.find { |line| line.pid != held.pid }
    send_to(topic, 0, "hold")
    @swarm.wait_for_output { |output| output.include?("holds") }
    # Meanwhile the other node stands still, as a frozen process does.
    Process.kill(:STOP, other.pid)
    @swarm.wait_for_log(/node #{other.node} \(process #{other.pid}\) is killed: it has given no sign of life for \d+ ms/)
    wait_until("another process") { nodes[other.node] != other.pid }
    expect(wait_for("hold", [0])[0].pid).to eq(held.pid)
    send_to(topic, other.partition, "hang")
    @swarm.wait_for_log(%r{starts again: #{topic}/#{other.partition} is being processed for \d+ ms, longer than its long_running_limit})
    hung = File.read("#{@swarm.output_path}.hung").to_i
    expect(wait_for("hang", [other.partition])[other.partition].pid).not_to eq(hung)
    wait_until("another process") { !nodes.value?(hung) }
    @swarm.signal(:TERM)
    expect(@swarm.wait).to eq(0)
  end
end

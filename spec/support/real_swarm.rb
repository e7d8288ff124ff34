# frozen_string_literal: true

require_relative "real_kafka"
require_relative "server_process"

# `karafka swarm` as a process, and what its nodes write.
module RealSwarm
  include RealKafka

  # Static members: without them a killed node's partitions wait for the session timeout.
  STATIC = { "group.instance.id": "spec", "session.timeout.ms": 30_000 }.freeze
  PROCESSED = /\Aprocessed (\d) (\d+) (\d) (\S+)\z/

  # A line that a node has written: which node and process, of which partition, what.
  # rubocop:disable Lint/StructNewOverride -- the partition is Kafka's
  Line = Struct.new(:node, :pid, :partition, :payload)
  # rubocop:enable Lint/StructNewOverride

  def stop_supervisor
    return unless @swarm

    pids = nodes.values + [@swarm.pid]
    @swarm.close
    # No node outlives its supervisor.
    wait_until("the end of #{pids}") { pids.none? { |pid| alive?(pid) } }
  end

  def start(topic, body: "", nodes: 2, kafka: {}, setup: "", route: "", env: {})
    @swarm = ServerProcess.new(<<~RUBY, env).start("swarm")
      require "karafka"
      $stdout.sync = true
      OUT = File.open(ENV.fetch("APP_OUTPUT"), "a").tap { |file| file.sync = true }
      class SwarmConsumer < Karafka::BaseConsumer
        def consume
          messages.each do |message|
            #{body}
            OUT.write("processed \#{node} \#{Process.pid} \#{message.partition} \#{message.raw_payload}\\n")
            mark_as_consumed(message)
          end
        end

        def node = Karafka::App.config.swarm.node.id
      end
      Karafka::App.setup do |config|
        config.kafka = { "bootstrap.servers": "#{cluster.bootstrap_servers}", "auto.commit.interval.ms": 50, "session.timeout.ms": 6_000,
                         "heartbeat.interval.ms": 200, **#{kafka.inspect} }
        config.group_id = "#{group}"
        config.swarm.nodes = #{nodes}
        #{setup}
      end
      Karafka::App.routes.draw do
        topic("#{topic}") do
          consumer SwarmConsumer
          #{route}
        end
      end
      Karafka.monitor.subscribe(Karafka::Instrumentation::LoggerListener.new(log_polling: false))
      Karafka.monitor.subscribe("rebalance.partitions_assigned") { OUT.write("assigned \#{Process.pid}\\n") }
    RUBY
  end

  # @return [Array<Line>]
  def lines
    @swarm.output.filter_map { |line| line.match(PROCESSED) }.map { |found| Line.new(*found.captures.first(3).map(&:to_i), found[4]) }
  end

  # @return [Hash{Integer=>Integer}] the processes that run, as the log says
  def nodes
    @swarm.log.scan(/Swarm: node (\d) \(process (\d+)\) started/).to_h { |id, pid| [id.to_i, pid.to_i] }
  end

  def alive?(pid)
    Process.kill(0, pid)
    # A zombie has ended, too.
    !File.read("/proc/#{pid}/stat")[/\) (.)/, 1].then { |state| %w[Z X].include?(state) }
  rescue Errno::ESRCH, Errno::ENOENT
    false
  end

  def send_to(topic, partition, *payloads)
    producer.produce_many_sync(payloads.map { |payload| { topic: topic, payload: payload.to_s, partition: partition } })
  end

  # @return [Hash{Integer=>Line}] for each partition the last line of that payload
  def wait_for(payload, partitions, seconds: Wait::LONG)
    found = {}
    wait_until("#{payload} of #{partitions}", seconds: seconds) do
      lines.each { |line| found[line.partition] = line if line.payload == payload }
      (partitions.to_a - found.keys).empty?
    end
    found
  rescue Wait::DeadlineError => e
    raise e.class, "#{e.message}, there is #{found}\n#{@swarm.log}"
  end

  def assigned(pid) = @swarm.output.count("assigned #{pid}")

  # Both nodes have partitions and have processed something.
  def started(topic, partitions: 0..3)
    wait_until("the assignments", seconds: 60) { nodes.size == 2 && nodes.values.all? { |pid| assigned(pid).positive? } }
    # Before the last of them joined, the first one had all partitions.
    attempt = 0
    wait_until("both at work", seconds: 60) do
      attempt += 1
      partitions.each { |partition| send_to(topic, partition, "first-#{attempt}") }
      wait_for("first-#{attempt}", partitions).values.map(&:node).uniq.size == 2
    end
    wait_for("first-#{attempt}", partitions)
  end
end

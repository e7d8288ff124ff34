# frozen_string_literal: true

require "json"
require "securerandom"
require "tmpdir"
$LOAD_PATH.unshift(File.expand_path("../../lib", __dir__))
require "karafka"
require_relative "../../spec/support/kafka_cluster"
require_relative "../consume/evidence"
require_relative "../consume/feed"
require_relative "../support/server_process"
require_relative "processes"

module Swarm
  # One run: faults for a while, then everything is judged.
  class Run
    FAULTS = %i[kill_node kill_node kill_node freeze_node roll kill_supervisor].freeze
    # What an orphan may take: `shutdown_timeout`, 5 seconds more, and the machine's.
    ORPHAN_SECONDS = 20
    DRAIN_SECONDS = 90
    # A node that was frozen is found, killed and started anew meanwhile.
    ANSWER_SECONDS = 60
    WORKERS = 2
    Journal = Struct.new(:id, :journal)

    def initialize(seconds:, seed:, nodes:, partitions:, rate:)
      @seconds = seconds
      @seed = seed
      @random = Random.new(seed)
      @nodes = nodes
      @partitions = partitions
      @rate = rate
      @faults = Hash.new(0)
      @violations = []
      @orphans = {}
      @evidence = Consume::Evidence.new
    end

    # @return [Boolean] whether everything held
    def call
      say "seed #{@seed}, #{@nodes} nodes, #{@partitions} partitions, #{@rate} messages a second"
      prepare
      start
      feed = Consume::Feed.new(@cluster.bootstrap_servers, [@topic], @rate, Random.new(@random.rand(1 << 30))).start
      misbehave
      feed.stop
      drain(feed)
      ask_nodes
      stop
      judge(feed)
    ensure
      clean_up
    end

    private

    def prepare
      @dir = Dir.mktmpdir("verify-swarm")
      @cluster = KafkaCluster.shared
      @topic = @cluster.create_topic("verify-swarm-#{SecureRandom.hex(4)}", partitions: @partitions)
      @group = "verify-swarm-#{SecureRandom.hex(4)}"
      @journal = Journal.new(0, File.join(@dir, "journal"))
      @processes = Processes.new(File.join(@dir, "register"))
      @options = { brokers: @cluster.bootstrap_servers, topic: @topic, group: @group, nodes: @nodes, workers: WORKERS,
                   journal: @journal.journal, register: File.join(@dir, "register"), socket: File.join(@dir, "control.sock") }
      say "journal and logs: #{@dir}"
    end

    def start
      @supervisor = Verify::ServerProcess.start(
        File.join(__dir__, "boot.rb"), { "VERIFY_OPTIONS" => JSON.generate(@options) }, log: File.join(@dir, "log"), command: "swarm"
      )
      wait_until("the nodes of supervisor #{@supervisor}", 60) { own.map(&:id).uniq.size == @nodes }
    end

    # @return [Array<Processes::Node>] those of the supervisor that runs
    def own = @processes.alive.select { |node| node.supervisor == @supervisor }

    def misbehave
      deadline = now + @seconds
      until now > deadline
        rest(@random.rand(0.5..3.0))
        fault = FAULTS.sample(random: @random)
        @faults[fault] += 1
        send(fault)
      end
    end

    def rest(seconds)
      deadline = now + seconds
      while now < deadline
        look
        sleep 0.05
      end
    end

    def look
      @processes.doubled.each { |text| violation(text) }
      @orphans.each do |node, since|
        next @orphans.delete(node) unless Processes.alive?(node.pid)

        violation("node #{node.id} (process #{node.pid}) outlives its supervisor") if now - since > ORPHAN_SECONDS
      end
      return unless Process.wait(@supervisor, Process::WNOHANG)

      violation("the supervisor ended by itself")
      start
    end

    def kill_node = signal_node(:KILL)
    def freeze_node = signal_node(:STOP)

    def signal_node(name)
      node = own.sample(random: @random) or return
      Process.kill(name, node.pid)
    rescue Errno::ESRCH
      nil # It has just ended.
    end

    def roll = Process.kill(:USR2, @supervisor)

    # The next one comes while the nodes of this one may still be ending.
    def kill_supervisor
      left = own
      Verify::ServerProcess.kill(@supervisor)
      # One that is frozen cannot notice anything until it is woken.
      left.each do |node|
        wake(node)
        @orphans[node] = now
      end
      start
    end

    def wake(node)
      Process.kill(:CONT, node.pid)
    rescue Errno::ESRCH
      nil
    end

    def drain(feed)
      wait_until("all messages to be processed and committed", DRAIN_SECONDS) do
        look
        @evidence.read([@journal])
        committed = @cluster.committed(@group)
        feed.delivered.all? do |place, offsets|
          committed[place].to_i > offsets.max && offsets.all? { |offset| @evidence.seen?(place, offset) }
        end
      end
    rescue RuntimeError => e
      violation(e.message)
    end

    # Whoever had a node's control socket before: now it is that node's.
    def ask_nodes
      wait_until("each node to answer at its own socket", ANSWER_SECONDS) do
        look
        own.size == @nodes && own.all? { |node| pid_at_socket(node) == node.pid }
      end
    rescue RuntimeError => e
      violation(e.message)
    end

    # @return [Integer, nil] who answers there
    def pid_at_socket(node)
      client = Karafka::Cli::ControlClient.new("#{@options[:socket]}.#{node.id}", patience: 2)
      client.call({ command: "workers", workers: WORKERS })["pid"]
    rescue Karafka::Errors::CommandError
      nil # not yet
    end

    def stop
      wait_until("the orphans to end", ORPHAN_SECONDS) do
        look
        @orphans.empty?
      end
      Process.kill(:TERM, @supervisor)
      status = nil
      wait_until("the stop", 60) { status = Process.wait2(@supervisor, Process::WNOHANG)&.last }
      # A node that is frozen cannot stop by itself.
      violation("the supervisor ended with #{status.inspect}") unless [0, 2].include?(status.exitstatus)
      @processes.alive.each { |node| violation("node #{node.id} (process #{node.pid}) is left behind") }
    rescue RuntimeError => e
      violation(e.message)
    end

    def judge(feed)
      lost = feed.delivered.sum { |place, offsets| offsets.count { |offset| !@evidence.seen?(place, offset) } }
      violation("#{lost} messages were lost") if lost.positive?
      violation("#{feed.failed} messages were not sent") if feed.failed.positive?
      @violations.uniq.first(20).each { |text| say "VIOLATION #{text}" }
      say JSON.generate(messages: feed.total, processed: @evidence.count, nodes: @processes.all.size, faults: @faults,
                        seed: @seed, violations: @violations.uniq.size)
      @violations.empty?
    end

    def clean_up
      return unless @processes

      pids = @processes.alive.map(&:pid)
      Verify::ServerProcess.kill(@supervisor) if @supervisor && Processes.alive?(@supervisor)
      pids.each do |pid|
        Process.kill(:KILL, pid)
      rescue Errno::ESRCH
        nil # it has ended
      end
    end

    def violation(text) = @violations << text

    def wait_until(what, seconds)
      deadline = now + seconds
      until yield
        raise "waited #{seconds} s for #{what}" if now > deadline

        sleep 0.05
      end
    end

    def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)
    def say(text) = puts(text)
  end
end

# frozen_string_literal: true

$LOAD_PATH.unshift(File.expand_path("../../lib", __dir__), File.expand_path("../../spec", __dir__))
require "karafka"
require "waterdrop"
require "fileutils"
require "support/kafka_cluster"
require_relative "../support/server_process"
require_relative "reader"

# Consume, transform, produce: see verify/exactly_once.
module ExactlyOnce
  ROOT = File.expand_path("../..", __dir__)

  # One run from start to verdict.
  class Run
    # Nothing was committed for so long: it is stuck, seconds.
    STUCK = 180

    def initialize(messages:, kills:, restarts:, seed:, members:, brokers:, partitions:)
      @count = messages
      @kills = kills
      @restarts = ENV.key?("KARAFKA_TEST_BROKERS") ? 0 : restarts
      @seed = seed
      @random = Random.new(seed)
      @size = members
      @brokers = brokers
      @partitions = partitions
      @members = {}
      @down = nil
    end

    # @return [Boolean] whether each result was there once and in order
    def call
      puts "seed #{@seed}: #{@count} messages, #{@kills} kills of #{@size} members, #{@restarts} restarts of #{@brokers} brokers"
      prepare
      started = now
      @size.times { begin_member }
      disturb
      took = now - started
      verdict(took)
    ensure
      @members.each_key { |pid| end_member(pid) }
      @producer&.close!
      @own&.down
    end

    private

    def prepare
      @own = KafkaCluster.new("exactly-once").up(nodes: @brokers, heap: "512m") unless ENV.key?("KARAFKA_TEST_BROKERS")
      @cluster = @own || KafkaCluster.running
      replication = [@own ? @brokers : 1, 3].min
      settings = replication > 2 ? { "min.insync.replicas" => "2" } : {}
      @in, @out = Array.new(2) { @cluster.create_topic(partitions: @partitions, replication: replication, config: settings) }
      @group = "pipeline-#{SecureRandom.hex(4)}"
      @logs = File.join(ROOT, "tmp", "exactly-once-#{@group}")
      FileUtils.mkdir_p(@logs)
      # A message that came twice would be processed twice.
      settings = { "bootstrap.servers": @cluster.bootstrap_servers, "enable.idempotence": true }
      @producer = WaterDrop::Producer.new { |config| config.kafka = settings }
    end

    def produce(ids)
      ids.each_slice(1_000) do |some|
        @producer.produce_many_sync(some.map { |id| { topic: @in, partition: id % @partitions, payload: id.to_s } })
      end
    end

    def begin_member
      env = { "PIPELINE_BROKERS" => @cluster.bootstrap_servers, "PIPELINE_IN" => @in, "PIPELINE_OUT" => @out, "PIPELINE_GROUP" => @group }
      log = File.join(@logs, "member-#{@members.size}-#{now.to_i}.log")
      @members[Verify::ServerProcess.start(File.join(__dir__, "karafka.rb"), env, log: log)] = log
    end

    def end_member(pid, signal = :KILL)
      ::Process.kill(signal, pid)
      ::Process.wait(pid)
      @members.delete(pid)
    end

    # One fault in each portion of the messages, when some of that is processed: so they come in the middle of work.
    def disturb
      faults = (([:kill] * @kills) + ([:restart] * @restarts)).shuffle(random: @random)
      portions = (0...@count).each_slice((@count / (faults.size + 1.0)).ceil)
      portions.each do |ids|
        produce(ids)
        wait_for(ids.first + @random.rand(ids.size))
        fault = faults.shift or next
        fault == :kill ? kill_a_member : restart_a_broker
      end
      wait_for(@count)
      raise "#{faults.size} faults did not come" if faults.any?
    end

    def wait_for(target)
      last = [progress, now]
      while (done = progress) < target
        last = [done, now] if done > last.first
        raise "stuck at #{done} of #{@count}; logs are in #{@logs}" if now - last.last > STUCK

        bring_back if @down && now > @down.last
        sleep(0.05)
      end
    end

    def kill_a_member
      end_member(@members.keys.sample(random: @random))
      begin_member
      puts "  #{@progress}: killed a member"
    end

    def restart_a_broker
      bring_back if @down
      id = @cluster.nodes.map(&:id).sample(random: @random)
      @random.rand(2).zero? ? @cluster.kill_node(id) : @cluster.stop_node(id)
      @down = [id, now + 2 + @random.rand(5)]
      puts "  #{@progress}: node #{id} is down"
    end

    def bring_back
      @cluster.start_node(@down.first)
      @down = nil
    end

    # @return [Integer] messages whose offset is committed
    def progress
      @progress = @cluster.committed(@group).sum { |(topic, _), offset| topic == @in ? offset : 0 }
    rescue SystemCallError, IOError, KafkaWire::Error
      @progress || 0
    end

    def verdict(took)
      bring_back if @down
      @members.keys.each { |pid| end_member(pid, :TERM) } # rubocop:disable Style/HashEachMethods -- it shrinks meanwhile
      puts "#{took.round} s, #{(@count / took).round} messages a second"
      seen = Reader.new(@cluster.bootstrap_servers, @out, @partitions).call
      good = report(seen)
      puts good ? "exactly once" : "NOT exactly once; logs are in #{@logs}"
      FileUtils.rm_rf(@logs) if good
      good
    end

    def report(seen)
      missing = (0...@count).count { |id| !seen.committed.key?(id) }
      twice = seen.committed.count { |_, times| times > 1 }
      results = seen.committed.values.sum
      puts "committed: #{results} results, #{missing} missing, #{twice} more than once, #{seen.disorder} out of order"
      puts "uncommitted: #{seen.uncommitted} results, so #{seen.uncommitted - results} were taken back"
      [missing, twice, seen.disorder].all?(&:zero?) && seen.committed.size == @count
    end

    def now = ::Process.clock_gettime(::Process::CLOCK_MONOTONIC)
  end
end

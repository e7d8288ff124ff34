# frozen_string_literal: true

require "json"
require "securerandom"
require "tmpdir"
$LOAD_PATH.unshift(File.expand_path("../../lib", __dir__), File.expand_path("../../spec", __dir__))
require "karafka"
require_relative "../../spec/support/kafka_cluster"
require_relative "../support/server_process"
require_relative "gaps"
require_relative "handovers"

# rubocop:disable Style/FormatStringToken -- tables are read by columns
module Rebalance
  # One run: load, changes of the group, figures.
  class Run
    DRAIN_SECONDS = 60
    MEMBERS = %w[first second third fourth].freeze

    def initialize(strategy:, partitions:, rate:, phase:, limit:, kafka:)
      @strategy = strategy
      @partitions = partitions
      @rate = rate
      @phase = phase
      @limit = limit
      @kafka = kafka
      @members = {}
      @sent = 0
    end

    # @return [Boolean] whether nobody stood still for longer than the limit
    def call
      prepare
      %w[first second].each { |member| join(member) }
      # A backlog would be measured as well.
      wait_until("both to have their share") { %w[first second].all? { |member| assigned?(member) } }
      load = Thread.new { produce }
      change_the_group
      @done = true
      load.join
      wait_until("all messages") { gaps.size >= @sent }
      @members.each_value { |pid| leave(pid) }
      report(gaps)
    ensure
      @members.each_value { |pid| Verify::ServerProcess.kill(pid) }
      @producer&.close
    end

    private

    def prepare
      @dir = Dir.mktmpdir("verify-rebalance")
      @cluster = KafkaCluster.shared
      @topic = @cluster.create_topic("rebalance-#{SecureRandom.hex(4)}", partitions: @partitions)
      @group = "rebalance-#{SecureRandom.hex(4)}"
      servers = @cluster.bootstrap_servers
      @producer = WaterDrop::Producer.new { |config| config.kafka = { "bootstrap.servers": servers, "linger.ms": 1 } }
      say "#{@strategy}, #{@partitions} partitions, #{@rate} messages a second; journals and logs: #{@dir}"
    end

    # Every partition gets its share at even intervals; the payload is the time.
    def produce
      interval = 1.0 / 50
      share = @rate / 50.0
      started = now
      turn = 0
      until @done
        turn += 1
        count = (share * turn).to_i - @sent
        sent_at = Process.clock_gettime(Process::CLOCK_MONOTONIC, :microsecond).to_s
        @producer.produce_many_async(Array.new(count) do |index|
                                       { topic: @topic, payload: sent_at, partition: (@sent + index) % @partitions }
                                     end)
        @sent += count
        sleep [started + (turn * interval) - now, 0].max
      end
      @producer.flush_sync
    end

    def change_the_group
      steady
      say "a third member joins"
      join("third")
      wait_until("it to be at work") { File.size?(journal("third")) }
      steady
      say "the second one leaves"
      leave(@members.delete("second"))
      steady
      say "the third one is replaced"
      leave(@members.delete("third"))
      join("fourth")
      wait_until("it to be at work") { File.size?(journal("fourth")) }
      steady
    end

    def report(gaps) # rubocop:disable Metrics/AbcSize -- a table
      members = gaps.by_member
      staying = gaps.of_staying_partitions
      moved = gaps.of_moved_partitions
      waits = gaps.waits
      puts "longest time without a message, ms"
      members.each { |member, gap| puts format("  member %-8s %8.0f", member, gap) }
      partition_line("that stays", staying)
      partition_line("that moves", moved)
      puts format("  whole group     %8.0f", gaps.of_all)
      handovers = Handovers.new(MEMBERS.to_h { |member| [member, log(member)] }).waits
      puts format("from revoked to assigned, ms: median %.0f, most %.0f", handovers[handovers.size / 2], handovers.last)
      puts format("send to consume, ms: p50 %.1f, p99 %.1f, most %.0f", waits[waits.size / 2], waits[waits.size * 99 / 100], waits.last)
      puts "messages: #{@sent} sent, #{gaps.size} processed, #{gaps.repeated} twice"
      ok = members.fetch("first") <= @limit && staying.last <= @limit && gaps.size == @sent
      puts JSON.generate(strategy: @strategy, partitions: @partitions, rate: @rate, member_gap_ms: members.fetch("first"),
                         staying_partition_gap_ms: staying.last, moved_partition_gap_ms: moved.last, handover_ms: handovers.last,
                         group_gap_ms: gaps.of_all,
                         repeated: gaps.repeated, ok: ok)
      ok
    end

    def partition_line(which, gaps)
      puts format("  partition %-10s %4.0f  (median %.0f of %d, above %d ms: %d)", which, gaps.last, gaps[gaps.size / 2], gaps.size,
                  @limit, gaps.count { |gap| gap > @limit })
    end

    def gaps = Gaps.new(MEMBERS.to_h { |member| [member, journal(member)] })
    def assigned?(member) = File.exist?(log(member)) && File.read(log(member)).include?(": assigned ")
    def log(member) = File.join(@dir, "log-#{member}")
    def journal(member) = File.join(@dir, "journal-#{member}")

    def join(member)
      options = { journal: journal(member), brokers: @cluster.bootstrap_servers, group: @group, topic: @topic, kafka: kafka }
      @members[member] = Verify::ServerProcess.start(File.join(__dir__, "member.rb"), { "VERIFY_OPTIONS" => JSON.generate(options) },
                                                     log: log(member))
    end

    def kafka
      return { "group.protocol": "consumer", **@kafka } if @strategy == "consumer"

      { "partition.assignment.strategy": @strategy, **@kafka }
    end

    def leave(pid)
      Process.kill(:TERM, pid)
      wait_until("a member to stop") { Process.wait(pid, Process::WNOHANG) }
    end

    def wait_until(what)
      deadline = now + DRAIN_SECONDS
      until yield
        raise "waited #{DRAIN_SECONDS} s for #{what}; see #{@dir}" if now > deadline

        sleep 0.1
      end
    end

    def steady = sleep(@phase)
    def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)
    def say(text) = puts("#{Time.now.strftime("%T")} #{text}")
  end
end
# rubocop:enable Style/FormatStringToken

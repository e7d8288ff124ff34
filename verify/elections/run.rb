# frozen_string_literal: true

require "json"
require "securerandom"
require "tmpdir"
$LOAD_PATH.unshift(File.expand_path("../../lib", __dir__), File.expand_path("../../spec", __dir__))
require "karafka"
require_relative "../../spec/support/kafka_cluster"
require_relative "../support/server_process"

module Elections
  # Two groups read two topics whose leader dies while the only other replica lacks what was written last. One group reads on
  # meanwhile, of the other one the member is killed before and comes back afterwards.
  class Run
    LEADER = 1
    BEHIND = 2
    KINDS = %i[plain parallel].freeze
    CONFIG = { "unclean.leader.election.enable" => true, "min.insync.replicas" => 1 }.freeze

    def initialize(common:, lost:, written:, seconds:)
      @common = common
      @lost = lost
      @written = written
      @seconds = seconds
      @members = {}
    end

    # @return [Boolean] whether each message that is in the log was processed by both groups
    def call
      prepare
      %i[stays killed].each { |member| start(member) }
      send_all("common", @common, first: "stuck")
      @cluster.kill_node(BEHIND)
      wait_until("the other replica to be out") { isr == [LEADER] }
      send_all("lost", @lost)
      # The first message of the parallel topic is not finished, so nothing is committed past it.
      wait_until("all to be processed and committed") { %i[stays killed].all? { |member| done?(member) } }
      stop(:killed)
      elect
      send_all("written", @written)
      File.write(go, "")
      @cluster.start_node(LEADER)
      start(:killed)
      judge
    ensure
      @members.each_key.to_a.each { |member| stop(member) }
      @producer&.close
      @cluster&.down
    end

    private

    def prepare
      @dir = Dir.mktmpdir("verify-elections")
      @cluster = KafkaCluster.new("elections").up(nodes: 3)
      @group = "elections-#{SecureRandom.hex(4)}"
      @topics = KINDS.to_h { |kind| [kind, "elections-#{kind}-#{SecureRandom.hex(4)}"] }
      @topics.each_value { |name| @cluster.admin.create_topic(name, config: CONFIG, replicas: [LEADER, BEHIND]) }
      wait_until("both replicas") { isr == [LEADER, BEHIND] }
      kafka = { "bootstrap.servers": @cluster.bootstrap_servers, "topic.metadata.refresh.interval.ms": 1_000 }
      @producer = WaterDrop::Producer.new { |config| config.kafka = kafka }
      say "#{@common} messages, #{@lost} that are lost, #{@written} in their place; journals and logs: #{@dir}"
    end

    def elect
      @cluster.kill_node(LEADER)
      @cluster.start_node(BEHIND)
      wait_until("the broker that lacks messages to lead") { leader == BEHIND }
      high = @topics.values.map { |name| @cluster.watermarks(name).fetch(0).last }
      say "it leads; the logs end at #{high.join(" and ")}"
      raise "nothing was lost: the check checks nothing" unless high.all? { |offset| offset < 1 + @common + @lost }
    end

    def send_all(kind, count, first: nil)
      payloads = [first].compact + Array.new(count) { |number| "#{kind}-#{number}" }
      # The plain topic has no message that holds it up.
      @producer.produce_many_sync(payloads.map { |payload| { topic: @topics[:plain], payload: payload.sub("stuck", "first") } })
      @producer.produce_many_sync(payloads.map { |payload| { topic: @topics[:parallel], payload: payload } })
    end

    def judge
      deadline = now + @seconds
      sleep 0.2 until judged(missing).zero? || now > deadline
      report(missing)
    end

    # @return [Hash{Symbol=>Hash{Symbol=>Integer}}] how many of the messages that are in the log each group has not processed
    def missing
      wanted = Array.new(@written) { |number| "written-#{number}" }
      %i[stays killed].to_h do |member|
        all = noted(member)
        [member, KINDS.to_h { |kind| [kind, (wanted - all[@topics[kind]]).size] }]
      end
    end

    # librdkafka begins at a committed offset without asking whether the log is still the same: that is only told.
    def judged(missing) = missing.values.flat_map(&:values).sum - missing.dig(:killed, :plain)

    def report(missing)
      missing.each { |member, kinds| puts "group whose member #{member == :stays ? "stays" : "was killed"}: not processed #{kinds}" }
      ok = judged(missing).zero?
      puts "see #{@dir}" unless ok
      puts JSON.generate(verify: "elections", common: @common, lost: @lost, written: @written, missing: missing, ok: ok)
      ok
    end

    def done?(member)
      all = noted(member)
      committed = @cluster.committed("#{@group}-#{member}")
      KINDS.all? { |kind| all[@topics[kind]].size >= 1 + @common + @lost } &&
        committed[[@topics[:plain], 0]] == 1 + @common + @lost && committed[[@topics[:parallel], 0]]&.zero? &&
        # What is finished beyond goes with the interval.
        (@settled ||= now) < now - 1
    end

    # @return [Hash{String=>Array<String>}] payloads by topic
    def noted(member)
      path = journal(member)
      lines = File.exist?(path) ? File.readlines(path, chomp: true).map(&:split) : []
      lines.group_by(&:first).transform_values { |rows| rows.map(&:last).uniq }.tap { |all| all.default = [] }
    end

    def state(name) = @cluster.admin.metadata([name]).fetch(:topics).fetch(name)[:partitions].fetch(0, nil)
    def isr = @topics.values.map { |name| state(name)&.fetch(:isr)&.sort }.uniq.then { |all| all.size == 1 ? all.first : nil }
    def leader = @topics.values.map { |name| state(name)&.fetch(:leader) }.uniq.then { |all| all.size == 1 ? all.first : nil }
    def go = File.join(@dir, "go")
    def journal(member) = File.join(@dir, "journal-#{member}")

    def start(member)
      options = { journal: journal(member), go: go, brokers: @cluster.bootstrap_servers, group: "#{@group}-#{member}",
                  session: member == :stays ? 60_000 : 6_000, **@topics }
      @members[member] = Verify::ServerProcess.start(File.join(__dir__, "member.rb"), { "VERIFY_OPTIONS" => JSON.generate(options) },
                                                     log: File.join(@dir, "log-#{member}"))
    end

    def stop(member) = Verify::ServerProcess.kill(@members.delete(member))

    def wait_until(what, &)
      deadline = now + @seconds
      until quietly(&)
        raise "waited #{@seconds} s for #{what}; see #{@dir}" if now > deadline

        sleep 0.2
      end
    end

    # Brokers come and go.
    def quietly
      yield
    rescue SystemCallError, IOError, KafkaWire::Error
      false
    end

    def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)
    def say(text) = puts("#{Time.now.strftime("%T")} #{text}")
  end
end

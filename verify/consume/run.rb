# frozen_string_literal: true

require "json"
require "securerandom"
require "tmpdir"
$LOAD_PATH.unshift(File.expand_path("../../lib", __dir__))
require_relative "../../spec/support/kafka_cluster"
require_relative "checks"
require_relative "evidence"
require_relative "feed"
require_relative "fleet"
require_relative "stuck"

module Consume
  # One run: faults for a while, then everything is judged.
  class Run
    STRATEGIES = %w[range cooperative-sticky consumer].freeze
    MODES = %i[automatic manual single parallel dead].freeze
    # Filled by the members.
    FILLED = %i[letters].freeze

    def initialize(seconds:, seed:, members:, brokers:, rate:, partitions:, drain:, strategy: nil)
      @seconds = seconds
      @seed = seed
      @random = Random.new(seed)
      @members = members
      @brokers = brokers
      @rate = rate
      @partitions = partitions
      @drain = drain
      @strategy = strategy || STRATEGIES.sample(random: @random)
      @violations = []
      @outages = []
      @uncommitted = {}
      @faults = Hash.new(0)
      @evidence = Evidence.new
    end

    # @return [Boolean] whether everything held
    def call
      say "seed #{@seed}, #{@strategy}, #{@members} members, #{@brokers} brokers, #{@rate} messages a second in each of #{MODES.size} modes"
      prepare
      @members.times { |member| @fleet.start(member) }
      feed = Feed.new(@cluster.bootstrap_servers, @topics.values_at(*MODES), @rate, Random.new(@random.rand(1 << 30))).start
      misbehave
      feed.stop
      drain(feed)
      judge(feed)
    ensure
      @fleet&.kill_all
      @cluster&.down unless @shared_cluster
    end

    private

    def prepare
      @dir = Dir.mktmpdir("verify-consume")
      @group = "verify-#{SecureRandom.hex(4)}"
      # Brokers that are killed are nobody else's.
      @shared_cluster = @brokers == 1
      @cluster = @shared_cluster ? KafkaCluster.shared : KafkaCluster.new("verify").up(nodes: @brokers)
      config = { "min.insync.replicas" => [@brokers - 1, 1].max }
      @topics = (MODES + FILLED).to_h do |mode|
        name = "verify-#{mode}-#{SecureRandom.hex(4)}"
        [mode, @cluster.create_topic(name, partitions: @partitions, replication: @brokers, config: config)]
      end
      @fleet = Fleet.new(@dir, { brokers: @cluster.bootstrap_servers, group: @group, topics: @topics, kafka: kafka }, @random)
      say "journals and logs: #{@dir}"
    end

    # The broker says how long a session of the new protocol lasts.
    def kafka
      return { "group.protocol": "consumer", "session.timeout.ms": nil, "heartbeat.interval.ms": nil } if @strategy == "consumer"

      { "partition.assignment.strategy": @strategy }
    end

    def misbehave
      deadline = now + @seconds
      until now > deadline
        rest(@random.rand(0.5..3.0))
        fault
      end
      @restart&.value
    end

    # Looks at the commits meanwhile.
    def rest(seconds)
      deadline = now + seconds
      loop do
        look
        break if now >= deadline

        sleep [0.2, deadline - now].min.clamp(0, 0.2)
      end
    end

    def fault
      kind = next_fault
      @faults[kind] += 1
      case kind
      when :start then @fleet.start(absent.sample(random: @random))
      when :kill then kill(@fleet.running.sample(random: @random))
      when :stop then violation(@fleet.stop(@fleet.running.sample(random: @random)))
      when :broker then restart_broker
      end
    end

    def next_fault
      return :start if @fleet.running.empty? || (absent.any? && @random.rand < 0.7)

      kinds = @brokers > 1 && !@restart&.alive? ? %i[kill kill stop broker broker] : %i[kill stop]
      kinds.sample(random: @random)
    end

    # @return [Array<Integer>] members that do not run now
    def absent = (0...@members).to_a - @fleet.running.map(&:member)

    def kill(incarnation)
      @uncommitted[incarnation.id] = committed
      @fleet.kill(incarnation)
    end

    def restart_broker
      id = @random.rand(1..@brokers)
      pause = @random.rand(1.0..4.0)
      from = microseconds
      @cluster.kill_node(id)
      # One at a time; members go on failing meanwhile.
      @restart = Thread.new do
        sleep pause
        @cluster.start_node(id)
        @outages << [from, microseconds]
      end
    end

    # What is committed must have been processed: the commits are read first, then the journals.
    def look
      commits = committed
      @evidence.read(@fleet.incarnations)
      commits.each do |place, offset|
        # A dead letter is committed a little before somebody reads it; these two are judged at the end.
        next if place.first == @topics[:letters] || (place.first == @topics[:dead] && !@drained)
        next if offset <= @evidence.frontier(place)

        violation("committed but not processed: #{place.join("/")} committed #{offset}, processed up to #{@evidence.frontier(place)}")
      end
      @fleet.deaths.each { |text| violation(text) }
    end

    def committed
      @cluster.committed(@group)
    rescue KafkaWire::Error, SystemCallError, IOError
      {} # The coordinator is on its way to another broker.
    end

    def drain(feed)
      absent.each { |member| @fleet.start(member) }
      ends = feed.delivered.transform_values { |offsets| offsets.max + 1 }
      deadline = now + @drain
      rest(0.5) until (left = uncommitted_of(ends)).empty? || now > deadline
      rest(0.5) until unread_letters.zero? || now > deadline
      tell_stuck(left) if left.any?
      violation(@fleet.stop(*@fleet.running))
      @drained = true
      look
    end

    def tell_stuck(places)
      violation("not committed #{@drain} s after the last fault: #{places.join(", ")}")
      Stuck.new(@fleet.running).describe(places).each { |text| say text }
    end

    # @return [Integer] dead letters that are not committed yet
    def unread_letters
      commits = committed
      @cluster.watermarks(@topics[:letters]).sum { |partition, (_, last)| last - [commits[[@topics[:letters], partition]].to_i, 0].max }
    end

    # @return [Array<String>]
    def uncommitted_of(ends)
      commits = committed
      ends.filter_map { |place, offset| place.join("/") if commits[place].to_i < offset }
    end

    def judge(feed)
      checks = Checks.new(@evidence, @fleet.incarnations, @outages, @uncommitted)
      @violations.concat(checks.lost(feed.delivered), checks.order([@topics[:parallel]]), checks.unexplained_duplicates)
      say "#{feed.total} messages delivered, #{feed.failed} refused; #{@evidence.count} times processed by " \
          "#{@fleet.incarnations.size} processes; faults #{@faults.to_h}; duplicates by cause #{checks.duplicates.to_h}"
      @violations.first(20).each { |text| say text }
      puts JSON.generate(verify: "consume", seed: @seed, strategy: @strategy, seconds: @seconds, delivered: feed.total,
                         processed: @evidence.count, faults: @faults, duplicates: checks.duplicates, violations: @violations.size)
      FileUtils.rm_rf(@dir) if @violations.empty?
      @violations.empty?
    end

    def violation(text)
      return if text.nil? || @violations.include?(text)

      say text
      @violations << text
    end

    def say(text)
      warn text
    end

    def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)
    def microseconds = Process.clock_gettime(Process::CLOCK_MONOTONIC, :microsecond)
  end
end

# frozen_string_literal: true

require_relative "fleet"
require_relative "stopped_thread"

module Scraping
  # The alerts with shorter times: silent in a healthy run with deploys, and each of them under its condition.
  class Alerting
    # What was minutes is seconds in `for`. Ranges need some scrapes.
    RANGE_SECONDS = { "5m" => 15, "10m" => 30, "15m" => 45 }.freeze
    # Thresholds that are times.
    THRESHOLDS = { "KarafkaLag" => ["> 300", "> 5"], "KarafkaBatchStuck" => ["> 240", "> 4"],
                   "KarafkaPollingStopped" => ["> 30", "> 3"] }.freeze
    # Of a message. What a process sends on order is larger.
    MOST_BYTES = 1_000
    # Members that join and leave all the time.
    GUESTS = 3
    # How long a condition may take to fire.
    FIRES_WITHIN = 90

    # @return [Array<String>] what did not hold
    attr_reader :violations

    # @yieldparam text [String] what happens
    def initialize(cluster, dir, healthy:, &say)
      @cluster = cluster
      @dir = dir
      @healthy = healthy
      @say = say
      @violations = []
      @topics = %w[plain stubborn guarded refusing].to_h { |kind| [kind, "#{kind}-#{SecureRandom.hex(4)}"] }
      @dead = cluster.create_topic("dead-#{SecureRandom.hex(4)}")
      @topics.each_value { |name| cluster.create_topic(name, partitions: 4, config: { "max.message.bytes" => MOST_BYTES }) }
      @fleet = Fleet.new(dir, { brokers: cluster.bootstrap_servers, group: "alerts-#{SecureRandom.hex(4)}", dead: @dead,
                                topics: @topics.except("refusing").to_h { |kind, name| [name, kind] } })
      @ports = FreePorts.take(2 + GUESTS)
      @prometheus = PrometheusServer.new(File.join(dir, "prometheus"), @ports, rules: self.class.rules)
      kafka = { "bootstrap.servers": cluster.bootstrap_servers }
      @admin = Karafka::Admin.new(kafka: kafka)
      @producer = WaterDrop::Producer.new { |config| config.kafka = kafka }
    end

    # @return [Hash] the groups of alerts.yml, with short times
    def self.rules
      rules = YAML.load_file(File.join(MetricsFiles::ROOT, "extra/prometheus/alerts.yml"))
      rules["groups"].flat_map { |group| group["rules"] }.each do |rule|
        rule["for"] = rule["for"].sub("m", "s")
        rule["expr"] = rule["expr"].gsub(/(?<=\[|offset )\d+m/) { |time| "#{RANGE_SECONDS.fetch(time)}s" }
        from, to = THRESHOLDS[rule["alert"]]
        rule["expr"] = rule["expr"].sub(from) { to } if from
      end
      rules
    end

    # @return [Hash] seconds until each alert fired
    def call
      @ports.first(2).each { |port| @fleet.start(port) }
      @prometheus.start
      stay_silent
      @took = {}
      conditions
      missing = MetricsFiles::ALERTS.map(&:first) - @took.keys
      @violations << "no condition for #{missing.join(", ")}" if missing.any?
      { healthy_seconds: @healthy, seconds_to_fire: @took }
    ensure
      @producer.close
      @prometheus.stop
      @fleet.kill_all
    end

    private

    # Messages come and go, and all processes are deployed anew, one after the other, all the time.
    def stay_silent
      # What `absent` saw before the first scrape.
      Wait.wait_until("the first scrapes") { @prometheus.value("count(karafka_info)") == 2 && @prometheus.firing.empty? }
      deadline = now + @healthy
      next_deploy = now + 5
      while now < deadline
        @producer.produce_many_sync(Array.new(20) { { topic: @topics["plain"], payload: "plain" } })
        if now > next_deploy
          life = @fleet.running.min_by(&:began)
          @violations << @fleet.stop(life)
          @fleet.start(life.port)
          next_deploy = now + 8
        end
        @prometheus.firing.each { |name| @violations << "#{name} fired in a healthy run" }
        sleep 0.5
      end
      @violations.compact!
      @violations.uniq!
      @say.call("silent for #{@healthy} s")
    end

    def conditions
      life = @fleet.running.first
      @fleet.stop(@fleet.running.last)
      paused(life)
      held_up("plain", "wait") { fires("KarafkaBatchStuck") }
      send_to("plain", "poison")
      fires("KarafkaDeadLetters")
      send_to("plain", "send #{@topics["refusing"]}")
      fires("KarafkaProduceFails")
      held_up("guarded", "remark") { without_rights("guarded") { fires("KarafkaCommitsFail") } }
      held_up("plain", "hold", partitions: 1) { with_messages { fires("KarafkaLockHeld") } }
      StoppedThread.new(life.pid, /\Akrs\.poll/).during { fires("KarafkaPollingStopped") }
      come_and_go
      # It has nothing else in that topic: all of it fails.
      send_to("stubborn", "poison")
      fires("KarafkaNothingSucceeds", "KarafkaErrors")
      @fleet.kill_all
      fires("KarafkaMissing")
    end

    def paused(life)
      control(life, "pause", @topics["plain"])
      send_to("plain", "plain")
      fires("KarafkaLag", "KarafkaPartitionsPaused")
      control(life, "resume", @topics["plain"])
    end

    # The consumers of the first partitions do that meanwhile.
    def held_up(kind, order, partitions: 4)
      file = File.join(@dir, "end-of-#{order}")
      partitions.times { |partition| send_to(kind, "#{order} #{file}", partition: partition) }
      busy = "sum(karafka_leases{topic=\"#{@topics.fetch(kind)}\"})"
      # One that holds Ruby's lock keeps the others from taking theirs.
      Wait.wait_until("a consumer to #{order}") { @prometheus.value(busy)&.positive? }
      yield
    ensure
      FileUtils.touch(file)
    end

    # The other workers have something to do, so they want Ruby's lock.
    def with_messages
      feed = Thread.new do
        loop do
          @producer.produce_async(topic: @topics["plain"], partition: rand(1..3), payload: "plain")
          sleep 0.1
        end
      end
      yield
    ensure
      feed.kill.join
    end

    # Brokers refuse commits of the topic meanwhile.
    def without_rights(kind)
      rules = { allow: :all, deny: :read }.map do |permission, operation|
        Karafka::Admin::Acl.new(resource_type: :topic, resource_name: @topics.fetch(kind), principal: "User:ANONYMOUS",
                                operation: operation, permission_type: permission)
      end
      rules.each { |rule| @admin.acls.create(rule) }
      yield
    ensure
      rules.reverse_each { |rule| @admin.acls.delete(rule) }
    end

    # More members join and leave, until the alert fires.
    def come_and_go
      done = false
      guests = @ports.last(GUESTS).map { |port| Thread.new { @fleet.stop(@fleet.start(port, "/readyz")) until done } }
      fires("KarafkaRebalancesOften")
    ensure
      done = true
      guests&.each(&:join)
    end

    def control(life, command, topic)
      env = { "BUNDLE_GEMFILE" => nil }
      arguments = ["-I#{Verify::ServerProcess::ROOT}/lib", "#{Verify::ServerProcess::ROOT}/exe/karafka", command, topic,
                   "--socket", File.join(@dir, "socket-#{life.port}")]
      system(env, RbConfig.ruby, *arguments, out: File::NULL) || raise("karafka #{command} failed")
    end

    def send_to(kind, payload, **rest)
      @producer.produce_sync(topic: @topics.fetch(kind), payload: payload, **rest)
    end

    def fires(*alerts)
      began = now
      alerts.each do |alert|
        Wait.wait_until("#{alert} to fire", seconds: FIRES_WITHIN) { @prometheus.firing.include?(alert) }
        @took[alert] = (now - began).round(1)
        @say.call("#{alert} fired after #{@took[alert]} s")
      rescue Wait::DeadlineError => e
        @violations << e.message
        @took[alert] = nil
      end
    end

    def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)
  end
end

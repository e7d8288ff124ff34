# frozen_string_literal: true

require_relative "counts"
require_relative "fleet"

module Scraping
  # Processes are killed, frozen and deployed anew, the broker stops, consumers fail. Prometheus has to get an answer whenever a process
  # could give one, and what it has in the end has to be what happened.
  class Chaos
    PARTITIONS = 6
    # How much later than the end of an absence Prometheus may still report it: a scrape that began before, and its time-out.
    LATE = (2 * PrometheusServer::SCRAPE_SECONDS) + 0.5

    # @return [Array<String>] what did not hold
    attr_reader :violations

    def initialize(cluster, dir, seconds:, random:, processes:, rate:)
      @cluster = cluster
      @seconds = seconds
      @random = random
      @rate = rate
      @topic = cluster.create_topic("scraped-#{SecureRandom.hex(4)}", partitions: PARTITIONS)
      @dead = cluster.create_topic("dead-#{SecureRandom.hex(4)}")
      @group = "scraped-#{SecureRandom.hex(4)}"
      @fleet = Fleet.new(dir, { brokers: cluster.bootstrap_servers, group: @group, dead: @dead, topics: { @topic => "scraped" } })
      @ports = FreePorts.take(processes)
      @prometheus = PrometheusServer.new(File.join(dir, "prometheus"), @ports)
      @faults = Hash.new(0)
      @violations = []
    end

    # @return [Hash] figures
    def call
      @ports.each { |port| @fleet.start(port) }
      @scraping_since = now
      @prometheus.start
      feed = Feed.new(@cluster.bootstrap_servers, @topic, @rate, PARTITIONS)
      misbehave
      feed.stop
      settle
      look_at_scrapes
      look_at_counts
      { faults: @faults, produced: feed.count, scrapes: @prometheus.value("sum(count_over_time(up[1h]))")&.to_i,
        failed_scrapes: @failed_scrapes, compared: @compared, lives: @fleet.lives.size }
    ensure
      feed&.stop
      @prometheus.stop
      @fleet.kill_all
    end

    private

    def misbehave
      deadline = now + @seconds
      until now > deadline
        sleep @random.rand(0.5..3.0)
        fault
      end
    end

    def fault
      kind = %i[kill deploy deploy freeze broker].sample(random: @random)
      @faults[kind] += 1
      life = @fleet.running.sample(random: @random)
      case kind
      when :kill then restart(life) { @fleet.kill(life) }
      when :deploy then restart(life) { violation(@fleet.stop(life)) }
      when :freeze then @fleet.freeze(life, @random.rand(0.5..4.0))
      when :broker
        @cluster.kill_node(1)
        sleep @random.rand(1.0..5.0)
        @cluster.start_node(1)
      end
    end

    def restart(life)
      yield
      sleep @random.rand(0.0..2.0)
      @fleet.start(life.port)
    end

    # Everything is processed and committed, and has been scraped since.
    def settle
      ends = @cluster.watermarks(@topic).transform_values(&:last)
      Wait.wait_until("#{@group} to process all of #{@topic}", seconds: 180) do
        commits = @cluster.committed(@group)
        ends.all? { |partition, last| last.zero? || commits[[@topic, partition]] == last }
      end
      lag = "sum(karafka_topic_lag_messages{topic=\"#{@topic}\"})"
      Wait.wait_until("no lag in Prometheus") { @prometheus.value(lag)&.zero? }
      quiet_since = now
      Wait.wait_until("two scrapes of each process") do
        @ports.all? { |port| samples("up", port).last&.first.to_f > quiet_since + PrometheusServer::SCRAPE_SECONDS }
      end
    end

    # A scrape may fail only while its process could not answer, and there is nothing else to complain about.
    def look_at_scrapes
      lines = @prometheus.lines
      lines.select { |line| %w[warn error].include?(line.level) }.each { |line| violation("Prometheus logged: #{line.fields}") }
      failed = lines.select { |line| line.fields["msg"] == "Scrape failed" }
      @failed_scrapes = failed.size
      failed.each { |line| look_at_failure(line) }
      @ports.each { |port| look_for_gaps(port) }
    end

    def look_at_failure(line)
      port = line.fields.fetch("target")[/:(\d+)/, 1].to_i
      return if @fleet.away[port].any? { |from, to| line.at.between?(from - 0.1, to + LATE) }

      violation("a scrape failed at #{line.at} though the process at #{port} ran: #{line.fields["err"]}")
    end

    # One sample of `up` for each interval, whether it failed or not.
    def look_for_gaps(port)
      times = samples("up", port).map(&:first)
      late = times.each_cons(2).map { |one, other| other - one }.max
      violation("Prometheus did not ask #{port} for #{late.round(1)} s") if late && late > 5 * PrometheusServer::SCRAPE_SECONDS
    end

    def look_at_counts
      counts = Counts.new(@group, @topic, @dead)
      @compared = 0
      @fleet.lives.each do |life|
        counts.of(life).each do |promql, allowed|
          at, found = samples(promql, life.port).select { |time, _| time.between?(life.answered, life.ended || Float::INFINITY) }.last
          next if at.nil? # killed before the first scrape

          @compared += 1
          least, most = life.ended ? allowed.call(at) : allowed.call(nil)
          next if found.between?(least, most)

          violation("#{promql} of #{life.port} (#{life.log}) was #{found} at #{at}, and not #{[least, most].uniq.join(" to ")}")
        end
      end
    end

    # @return [Array<Array(Float, Float)>] time and value, as they were scraped
    def samples(promql, port)
      selector = promql.include?("{") ? promql.sub("{", "{instance=\"127.0.0.1:#{port}\",") : "#{promql}{instance=\"127.0.0.1:#{port}\"}"
      series = @prometheus.query("#{selector}[2h]").first
      series ? series["values"].map { |time, value| [Float(time), Float(value)] } : []
    end

    def violation(text)
      @violations << text if text
    end

    def now = Process.clock_gettime(Process::CLOCK_REALTIME)
  end

  # Messages at a steady rate; one in a hundred of each partition can't be processed.
  class Feed
    # @return [Integer] messages that were sent
    attr_reader :count

    def initialize(servers, topic, rate, partitions)
      @producer = WaterDrop::Producer.new do |config|
        config.kafka = { "bootstrap.servers": servers, "enable.idempotence": true, "message.timeout.ms": 120_000 }
        config.logger = Logger.new(File::NULL)
      end
      @count = 0
      @thread = Thread.new do
        until @stopping
          messages = Array.new([rate / 20, 1].max) { { topic: topic, partition: (@count += 1) % partitions, payload: @count.to_s } }
          @producer.produce_many_async(messages)
          sleep 0.05
        end
      end
    end

    # Waits until all of them are with the broker.
    def stop
      @stopping = true
      @thread.join
      @producer.close
    end
  end
end

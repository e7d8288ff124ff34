# frozen_string_literal: true

$LOAD_PATH.unshift(File.expand_path("../../lib", __dir__), File.expand_path("../../spec", __dir__))
require "karafka"
require "fileutils"
require "support/kafka_cluster"
require_relative "../support/server_process"

# What becomes of jobs while processes are killed: see verify/jobs.
module Jobs
  ROOT = File.expand_path("../..", __dir__)

  # One run from start to verdict.
  class Run
    PARTITIONS = 4
    KEYS = 50
    # Nothing was performed for this long: it is stuck, seconds. Jobs that wait have the time of their wait besides.
    STUCK = 120
    # Of jobs that are enqueued in one call.
    SLICE = 500

    def initialize(jobs:, waiting:, longest_wait:, kills:, members:, seed:)
      @count = jobs
      @waiting = waiting
      @longest_wait = longest_wait
      @kills = kills
      @size = members
      @seed = seed
      @random = Random.new(seed)
      # By process, which static member it is: its successor needs no wait for the session's end.
      @members = {}
      # By id, when each job that ran did so first, and in which order.
      @first_runs = {}
      @runs = 0
      @early = 0
      @lateness = []
    end

    # @return [Boolean]
    def call
      puts "seed #{@seed}: #{@count} jobs, #{@waiting} that wait for up to #{@longest_wait} s, #{@kills} kills of #{@size} members"
      prepare
      @size.times { |index| begin_member(index) }
      wait_for_members
      enqueuing = Thread.new { enqueue }
      disturb
      enqueuing.value
      @members.keys.each { |pid| end_member(pid, :TERM) } # rubocop:disable Style/HashEachMethods -- it shrinks meanwhile
      verdict
    ensure
      @members.keys.each { |pid| end_member(pid, :KILL) } # rubocop:disable Style/HashEachMethods -- as above
      @own&.down
    end

    private

    def prepare
      (@own = KafkaCluster.new("jobs")).up(nodes: 1) unless ENV.key?("KARAFKA_TEST_BROKERS")
      @cluster = @own || KafkaCluster.running
      @topic = @cluster.create_topic("jobs-#{SecureRandom.hex(4)}", partitions: PARTITIONS)
      @cluster.create_topic("#{@topic}.later", partitions: PARTITIONS)
      %w[1s 10s 1m 10m 1h].each { |suffix| @cluster.create_topic("#{@topic}.waits.#{suffix}", partitions: 2) }
      @dir = File.join(ROOT, "tmp", @topic)
      FileUtils.mkdir_p(@dir)
      ENV.update(env)
      require_relative "job"
      @evidence = File.open(env["JOBS_EVIDENCE"])
    end

    def env
      { "JOBS_BROKERS" => @cluster.bootstrap_servers, "JOBS_TOPIC" => @topic, "JOBS_EVIDENCE" => File.join(@dir, "evidence") }
    end

    # Both kinds in turn, so that jobs wait while others run.
    def enqueue
      waits = Array.new(@waiting) { @random.rand * @longest_wait }
      (0...[@count, @waiting].max).each_slice(SLICE) do |ids|
        jobs = ids.select { |id| id < @count }.map { |id| EvidenceJob.new(id, id % KEYS) }
        Karafka::ActiveJob::Dispatch.many(jobs)
        ids.select { |id| id < @waiting }.each do |id|
          due_at = Time.now.to_f + waits[id]
          EvidenceJob.set(wait_until: Time.at(due_at), queue: "#{@topic}.later").perform_later(@count + id, id, due_at)
        end
      end
      Karafka.producer.close
    end

    def begin_member(index)
      pid = Verify::ServerProcess.start(
        File.join(__dir__, "job.rb"), env.merge("JOBS_MEMBER" => "member-#{index}"), log: File.join(@dir, "member-#{index}.log")
      )
      @members[pid] = index
    end

    # What is late because they are not there yet says nothing.
    def wait_for_members
      give_up = now + STUCK
      until stable?
        raise "no group after #{STUCK} s; logs are in #{@dir}" if now > give_up

        sleep(0.2)
      end
    end

    def stable?
      @cluster.admin.describe_group(@topic)[:state] == "Stable"
    rescue SystemCallError, IOError, KafkaWire::Error
      false
    end

    def end_member(pid, signal)
      ::Process.kill(signal, pid)
      ::Process.wait(pid)
      @members.delete(pid)
    end

    # Kills are spread over the work, whatever its pace.
    def disturb
      last = [-1, now]
      kills = 0
      total = @count + @waiting
      until read_evidence >= total
        if kills < @kills && @first_runs.size > total * kills / (@kills + 1)
          begin_member(end_member(@members.keys.sample(random: @random), :KILL))
          kills += 1
        end
        last = [@first_runs.size, now] if @first_runs.size > last.first
        raise "stuck at #{@first_runs.size} of #{total}; logs are in #{@dir}" if now - last.last > STUCK + @longest_wait

        sleep(0.1)
      end
      puts "#{kills} kills"
    end

    # @return [Integer] how many jobs ran
    def read_evidence
      @evidence.each_line(chomp: true) do |line|
        @runs += 1
        id, due_at, ran_at = line.split(/ /, -1)
        @early += 1 if !due_at.empty? && ran_at.to_f < due_at.to_f
        next if @first_runs.key?(id.to_i)

        @first_runs[id.to_i] = true
        @lateness << (ran_at.to_f - due_at.to_f) unless due_at.empty?
      end
      @first_runs.size
    end

    def verdict
      read_evidence
      faults = { "never performed" => ((0...(@count + @waiting)).to_a - @first_runs.keys).size, "out of order" => out_of_order,
                 "before they were due" => @early }
      puts "#{@first_runs.size} jobs were performed, in #{@runs} runs"
      puts "lateness in seconds: #{[50, 99, 100].map { |share| "p#{share} #{percentile(share)}" }.join(", ")}" if @lateness.any?
      faults.each { |what, count| puts "#{what}: #{count}" }
      good = faults.values.all?(&:zero?)
      puts good ? "nothing lost" : "NOT as it has to be; logs are in #{@dir}"
      FileUtils.rm_rf(@dir) if good
      good
    end

    # Jobs whose first run came after the first run of a later one of their key. They are in a Hash, so in the order of their first runs.
    def out_of_order
      latest = Hash.new(-1)
      @first_runs.keys.select { |id| id < @count }.count do |id|
        before = latest[id % KEYS]
        latest[id % KEYS] = [before, id].max
        id < before
      end
    end

    def percentile(share)
      sorted = @lateness.sort
      sorted[[(sorted.size * share / 100.0).ceil - 1, 0].max].round(2)
    end

    def now = ::Process.clock_gettime(::Process::CLOCK_MONOTONIC)
  end
end

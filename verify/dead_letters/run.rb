# frozen_string_literal: true

$LOAD_PATH.unshift(File.expand_path("../../lib", __dir__), File.expand_path("../../spec", __dir__))
require "karafka"
require "waterdrop"
require "fileutils"
require "support/kafka_cluster"
require "support/topic_reader"
require_relative "../support/server_process"

# What becomes of messages that fail while processes are killed: see verify/dead_letters.
module DeadLetters
  ROOT = File.expand_path("../..", __dir__)

  # One run from start to verdict.
  class Run
    PARTITIONS = 4
    # Nothing was committed for so long: it is stuck, seconds.
    STUCK = 120

    def initialize(messages:, kills:, every:, seed:, members:, retries:, transactional:)
      @count = messages
      @kills = kills
      @every = every
      @seed = seed
      @random = Random.new(seed)
      @size = members
      @retries = retries
      @transactional = transactional
      # By process, which static member it is: its successor needs no wait for the session's end.
      @members = {}
    end

    # @return [Boolean]
    def call
      puts "seed #{@seed}: #{@count} messages, one in #{@every} fails, #{@kills} kills of #{@size} members" \
           "#{", retry topics" if @retries}#{", transactions of the #{@transactional}" if @transactional}"
      prepare
      @size.times { |index| begin_member(index) }
      disturb
      @members.keys.each { |pid| end_member(pid, :TERM) } # rubocop:disable Style/HashEachMethods -- it shrinks meanwhile
      verdict
    ensure
      @members.keys.each { |pid| end_member(pid, :KILL) } # rubocop:disable Style/HashEachMethods -- as above
      @reader&.close
      @own&.down
    end

    private

    def prepare
      (@own = KafkaCluster.new("dead-letters")).up(nodes: 1) unless ENV.key?("KARAFKA_TEST_BROKERS")
      @cluster = @own || KafkaCluster.running
      @in, @dead = Array.new(2) { @cluster.create_topic(partitions: PARTITIONS) }
      @stages = @retries ? [1, 2].map { |stage| @cluster.create_topic("#{@in}.retry.#{stage}", partitions: PARTITIONS) } : []
      @group = "dead-letters-#{SecureRandom.hex(4)}"
      @dir = File.join(ROOT, "tmp", @group)
      FileUtils.mkdir_p(@dir)
      producer = WaterDrop::Producer.new { |config| config.kafka = { "bootstrap.servers": @cluster.bootstrap_servers } }
      (1..@count).each_slice(1_000) do |ids|
        producer.produce_many_sync(ids.map { |id| { topic: @in, partition: id % PARTITIONS, payload: id.to_s } })
      end
      producer.close
      @reader = TopicReader.new(@cluster.bootstrap_servers, @dead)
      @total = @count + (@count / @every)
      @done = 0
    end

    def begin_member(index)
      env = { "FAILURES_BROKERS" => @cluster.bootstrap_servers, "FAILURES_IN" => @in, "FAILURES_DEAD" => @dead, "FAILURES_GROUP" => @group,
              "FAILURES_MEMBER" => "member-#{index}", "FAILURES_EVERY" => @every.to_s,
              "FAILURES_EVIDENCE" => File.join(@dir, "evidence"),
              "FAILURES_RETRIES" => ("1" if @retries), "FAILURES_TRANSACTIONAL" => @transactional || nil }
      pid = Verify::ServerProcess.start(File.join(__dir__, "karafka.rb"), env, log: File.join(@dir, "member-#{index}.log"))
      @members[pid] = index
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
      until finished?
        if kills < @kills && @done > @total * kills / (@kills + 1)
          pid = @members.keys.sample(random: @random)
          begin_member(end_member(pid, :KILL))
          kills += 1
        end
        last = [@done, now] if @done > last.first
        raise "stuck at #{@done} of #{@total}; logs are in #{@dir}" if now - last.last > STUCK

        sleep(@random.rand(0.05..0.4))
      end
      puts "#{kills} kills"
    end

    # Everything is committed, and each message that fails has arrived.
    def finished?
      committed = @cluster.committed(@group)
      @done = (0...PARTITIONS).sum { |number| committed[[@in, number]].to_i } + @reader.rows.map(&:payload).uniq.size
      @done >= @total
    rescue SystemCallError, IOError, KafkaWire::Error
      false
    end

    def verdict
      processed = File.readlines(File.join(@dir, "evidence"), chomp: true).map(&:to_i).tally
      letters = dead_letters
      faults = faults(processed.keys, letters.keys)
      faults["dead letters seen twice"] = again(letters) if @transactional
      puts "#{processed.size} processed, #{again(processed)} of them more than once; " \
           "#{letters.size} dead letters, #{again(letters)} of them more than once"
      faults.each { |what, count| puts "#{what}: #{count}" }
      good = faults.values.all?(&:zero?)
      puts good ? "nothing lost" : "NOT as it has to be; logs are in #{@dir}"
      FileUtils.rm_rf(@dir) if good
      good
    end

    def faults(processed, letters)
      bad, good = (1..@count).partition { |id| (id % @every).zero? }
      { "neither processed nor dead" => (good - processed).size, "failed and lost" => (bad - letters).size,
        "dead without having failed" => (letters - bad).size, "processed though bad" => (processed & bad).size }
    end

    def again(tally) = tally.count { |_, times| times > 1 }

    # As a reader of committed messages sees them, once no more come.
    def dead_letters
      seen = -1
      quiet = now
      until now - quiet > 6
        quiet = now if @reader.rows.size > seen
        seen = @reader.rows.size
        sleep(0.2)
      end
      @reader.rows.map { |row| row.payload.to_i }.tally
    end

    def now = ::Process.clock_gettime(::Process::CLOCK_MONOTONIC)
  end
end

# frozen_string_literal: true

require_relative "../spec_helper"
require_relative "../support/real_kafka"
require_relative "../support/adapter_application"

# An application as one writes it with racecar: its files, its commands, on real Kafka.
RSpec.describe "an application of racecar on real Kafka", deadline: 240 do
  include RealKafka
  include AdapterApplication

  # `note` writes what the specs wait for.
  let(:notes) { "def note(text) = File.write(ENV.fetch(\"OUTPUT\"), \"\#{text}\\n\", mode: \"a\")\n" }
  let(:topic) { cluster.create_topic(partitions: 2) }
  let(:target) { cluster.create_topic }
  let(:brokers) { cluster.bootstrap_servers }
  let(:yaml) { <<~YAML }
    common: &common
      brokers: ["#{brokers}"]
      group_id_prefix: "#{group}."
      offset_commit_interval: 1
      pause_timeout: 0.2
    development:
      <<: *common
      max_wait_time: 0.1
  YAML
  let(:app) { application("config/racecar.yml" => yaml, "app/consumers/copy_consumer.rb" => notes + consumer) }

  after do
    app.close
    @producer&.close
  end

  def run(*options, **env)
    app.start("racecar", "CopyConsumer", "--require", "./app/consumers/copy_consumer", *options, **env)
  end

  def send_all(*payloads, partition: 0)
    message = { topic: topic, key: "k", headers: { "h" => "x" }, partition: partition }
    producer.produce_many_sync(payloads.map { |payload| { **message, payload: payload } })
  end

  def committed(partition = 0) = cluster.committed("#{group}.copy-consumer")[[topic, partition]]

  context "with process" do
    let(:consumer) { <<~RUBY }
      class CopyConsumer < Racecar::Consumer
        subscribes_to "#{topic}"

        def initialize = @seen = 0

        def process(message)
          note([message.value, message.key, message.headers, message.partition, message.offset, message.retries_count,
                message.create_time.class].inspect)
          raise "not yet" if message.value == "bad" && message.retries_count < 2

          produce(message.value.upcase, topic: "#{target}", key: message.key, headers: { "n" => (@seen += 1).to_s })
        end

        def teardown = note("teardown \#{@seen}")

        def self.on_partitions_assigned(event) = note("assigned \#{event.topic_name} \#{event.partition_numbers} \#{event.empty?}")
        def self.on_partitions_revoked(event) = note("revoked \#{event.partition_numbers}")
      end
    RUBY

    it "processes, produces, repeats only the message that failed, tears down, and is stopped by TERM" do
      app.write("config/racecar.rb", notes + <<~RUBY)
        Racecar.config.on_error do |error, info|
          note("error \#{error.message} \#{info.values_at(:topic, :partition, :offset, :retries_count).inspect}")
        end
      RUBY
      send_all("one", "bad", "two")
      run
      app.wait_for_output { |lines| lines.grep(/"two"/).any? }
      expect(app.stop).to eq(0), app.read("stdout")
      attempts = [["one", 0, 0], ["bad", 1, 0], ["bad", 1, 1], ["bad", 1, 2], ["two", 2, 0]].flat_map do |value, offset, retries|
        line = [value, "k", { "h" => "x" }, 0, offset, retries].inspect.sub(/\]\z/, ", Time]")
        value == "bad" && retries < 2 ? [line, "error not yet [\"#{topic}\", 0, 1, #{retries}]"] : [line]
      end
      expect(app.output).to eq(["assigned #{topic} [0, 1] false", *attempts, "revoked [0, 1]", "teardown 3"])
      expect(committed).to eq(3)
      expect(cluster.watermarks(target)[0].last).to eq(3)
    end

    it "ends at an error with pause_timeout 0, commits what came before it, and exits with 1" do
      send_all("one", "bad")
      run("--pause-timeout", "0")
      expect(app.wait).to eq(1)
      expect(app.read("stdout")).to match(/process': not yet \(RuntimeError\)/)
      expect(app.output.grep(/teardown/)).to eq(["teardown 1"])
      expect(committed).to eq(1)
    end

    it "waits forever with pause_timeout -1, and goes on with other partitions" do
      send_all("bad")
      run("--pause-timeout=-1")
      app.wait_for_output { |lines| lines.grep(/"bad"/).any? }
      send_all("other", partition: 1)
      app.wait_for_output { |lines| lines.grep(/"other"/).any? }
      expect(app.output.grep(/"bad"/).size).to eq(1)
      expect([app.stop, committed.to_i, committed(1)]).to eq([0, 0, 1])
    end

    it "starts at the end with start_from_beginning: false" do
      app.write("app/consumers/copy_consumer.rb", notes + consumer.sub("\"#{topic}\"", "\"#{topic}\", start_from_beginning: false"))
      send_all("old")
      run
      app.wait_for_output { |lines| lines.grep(/assigned/).any? }
      wait_until("a message behind the beginning") do
        send_all("new")
        app.output.grep(/"new"/).any?
      end
      expect(app.output.grep(/"old"/)).to eq([])
      app.stop
    end

    it "calls on_partitions_assigned before the first message, also where that takes its time" do
      app.write("app/consumers/copy_consumer.rb", notes + consumer.sub("(event) = note(", "(event) = sleep(0.5) && note("))
      send_all("one")
      run
      app.wait_for_output { |lines| lines.grep(/"one"/).any? }
      app.stop
      expect(app.output.first).to start_with("assigned #{topic}")
    end

    it "tells its events to ActiveSupport::Notifications, where that is loaded" do
      app.write("config/racecar.rb", notes + <<~RUBY)
        require "active_support"
        require "active_support/notifications"
        ActiveSupport::Notifications.subscribe(/\\.racecar\\z/) do |name, _, _, _, payload|
          note("event \#{name} \#{payload.values_at(:offset, :group_id, :consumer_class, :exception).compact.inspect}")
        end
      RUBY
      send_all("one", "bad")
      run("--pause-timeout", "0.1")
      app.wait_for_output { |lines| lines.grep(/pause_status/).any? }
      app.stop
      id = "\"#{group}.copy-consumer\""
      expect(app.output.grep(/\Aevent (start_)?process_message/).first(3)).to eq(
        ["event start_process_message.racecar [0, #{id}, \"CopyConsumer\"]", "event process_message.racecar [0, #{id}, \"CopyConsumer\"]",
         "event start_process_message.racecar [1, #{id}, \"CopyConsumer\"]"]
      )
      expect(app.output.grep(/RuntimeError/).first).to include("event process_message.racecar [1, #{id}", '["RuntimeError", "not yet"]')
      names = app.output.grep(/\Aevent/).map { |line| line.split[1] }.uniq
      expect(names).to include("start_main_loop.racecar", "main_loop.racecar", "join_group.racecar", "leave_group.racecar",
                               "partitions_assigned.racecar", "partitions_revoked.racecar", "produce_message.racecar",
                               "acknowledged_message.racecar", "deliver_messages.racecar")
    end

    it "prints its configuration at USR1" do
      run
      app.wait_for_output { |lines| lines.grep(/assigned/).any? }
      app.signal("USR1")
      app.wait_for_log(/^group_id = "#{group}\.copy-consumer"$/)
      expect(app.stop("INT")).to eq(0)
    end

    it "runs in the background with --daemonize, and is found and stopped by racecarctl" do
      out, status = app.run("racecar", "CopyConsumer", "-r", "./app/consumers/copy_consumer", "--daemonize", "--pidfile", "copy.pid",
                            "-l", "copy.log")
      expect(status.exitstatus).to eq(0), out
      app.wait_for_output { |lines| lines.grep(/assigned/).any? }
      out, = app.run("racecarctl", "produce", "-t", topic, "-v", "by hand", "-k", "k")
      expect(out).to include("Delivered message to Kafka cluster")
      app.wait_for_output { |lines| lines.grep(/"by hand"/).any? }
      expect(app.run("racecarctl", "status", "--pidfile", "copy.pid").first).to eq("running (PID = #{app.read("copy.pid")})\n")
      expect(app.run("racecarctl", "stop", "--pidfile", "copy.pid").first).to eq("stopped\n")
      expect(app.output.last).to eq("teardown 1")
      expect([File.exist?(app.path("copy.pid")), app.read("copy.log")]).to match([false, /Racecar runs CopyConsumer/])
    end

    it "names its pidfile after the class" do
      _, status = app.run("racecar", "CopyConsumer", "-r", "./app/consumers/copy_consumer", "--daemonize")
      expect(status.exitstatus).to eq(0)
      app.wait_for_output { |lines| lines.grep(/assigned/).any? }
      expect(app.run("racecarctl", "stop", "--pidfile", "copy-consumer.pid").first).to eq("stopped\n")
    end

    it "forks parallel_workers, which share the partitions; TERM ends all" do
      app.write("app/consumers/copy_consumer.rb", notes + consumer.sub("def initialize", "self.parallel_workers = 2\n\n  def initialize"))
      run
      app.wait_for_output { |lines| lines.grep(/assigned .*\[[01]\]/).map { |line| line[/\[.*\]/] }.uniq.size == 2 }
      send_all("left", partition: 0)
      send_all("right", partition: 1)
      app.wait_for_output { |lines| lines.grep(/left|right/).size >= 2 }
      expect(app.stop).to eq(0)
      expect(app.output.grep(/teardown/).size).to eq(2)
      expect([committed(0), committed(1)]).to eq([1, 1])
    end

    it "ends parallel_workers whose parent was killed" do
      app.write("app/consumers/copy_consumer.rb", notes + consumer.sub("def initialize", "self.parallel_workers = 2\n\n  def initialize"))
      run
      app.wait_for_output { |lines| lines.grep(/assigned .*\[[01]\]/).map { |line| line[/\[.*\]/] }.uniq.size == 2 }
      expect(app.stop("KILL")).to eq(-9)
      wait_until("the end of both") { app.output.grep(/teardown/).size == 2 }
    end

    it "ends all parallel_workers with the first one that ends" do
      app.write("app/consumers/copy_consumer.rb", notes + consumer.sub("def initialize", "self.parallel_workers = 2\n\n  def initialize"))
      run("--pause-timeout", "0")
      app.wait_for_output { |lines| lines.grep(/assigned .*\[[01]\]/).size >= 2 }
      send_all("bad")
      expect(app.wait).to eq(1)
      expect(app.output.grep(/teardown/).size).to eq(2)
    end

    it "touches the file of the liveness probe, and deletes it when it stops" do
      env = { "RACECAR_LIVENESS_PROBE_ENABLED" => "true", "RACECAR_LIVENESS_PROBE_FILE_PATH" => app.path("alive") }
      run(env: env)
      app.wait_for_output { |lines| lines.grep(/assigned/).any? }
      File.utime(Time.now - 60, Time.now - 60, app.path("alive"))
      wait_until("a sign of life") { app.run("racecarctl", "liveness_probe", env: env).last.exitstatus.zero? }
      app.stop
      expect(app.run("racecarctl", "liveness_probe", env: env).first).to include("does not exist")
    end
  end

  context "with process_batch" do
    let(:consumer) { <<~RUBY }
      class CopyConsumer < Racecar::Consumer
        subscribes_to "#{topic}", max_bytes_per_partition: 100_000, additional_config: { "fetch.min.bytes" => 1 }
        self.fetch_messages = 2

        def process_batch(messages)
          note([messages.class, messages.map(&:value), messages.first.retries_count].inspect)
          messages.each { |message| produce(message.value, topic: ENV.fetch("TARGET", "#{target}")) }
          deliver! if messages.size == 1
          raise "not yet" if messages.last.value == "b" && messages.first.retries_count < 3
        end

        def statistics_callback(statistics) = note("statistics \#{statistics["name"]}")
      end
    RUBY

    it "repeats the whole batch, twice as late each time with pause_with_exponential_backoff; calls statistics_callback" do
      handler = "Racecar.config.on_error { |_, info| note([:error, info[:first_offset], Time.now.to_f].inspect) }"
      app.write("config/racecar.rb", "#{notes}#{handler}")
      send_all("a", "b", "c")
      run("--pause-with-exponential-backoff", "--max-wait-time", "0")
      app.wait_for_output { |lines| lines.grep(/\["c"\]/).any? && lines.grep(/statistics/).any? }
      app.stop
      batches = app.output.grep(/\A\[Array/)
      expect(batches).to eq([*0..3].map { |count| [Array, %w[a b], count].inspect } + [[Array, %w[c], 0].inspect])
      times = app.output.grep(/:error/).map { |line| line[/[\d.]+\]\z/].to_f }
      expect(times.each_cons(2).map { |before, after| after - before }).to match([be_between(0.2, 0.39), be_between(0.4, 3)])
      expect([committed, cluster.watermarks(target)[0].last]).to eq([3, 9])
    end

    it "commits each batch before the next one with synchronous_commits" do
      send_all("1", "2", "3")
      run("--synchronous-commits", "--offset-commit-interval", "600", "--max-wait-time", "0")
      app.wait_for_output { |lines| lines.grep(/Array/).size == 2 }
      wait_until("the commit, while it runs") { committed == 3 }
      app.signal("KILL")
      app.wait
    end

    it "waits max_wait_time for a full batch" do
      app.write("app/consumers/copy_consumer.rb", notes + consumer.sub("fetch_messages = 2", "fetch_messages = 3"))
      run("--max-wait-time", "20")
      send_all("1")
      send_all("2")
      send_all("3")
      app.wait_for_output { |lines| lines.grep(/Array/).any? }
      expect(app.output.grep(/Array/)).to eq([[Array, %w[1 2 3], 0].inspect])
      app.stop
    end

    it "repeats a batch whose messages could not be delivered" do
      send_all("a", "x")
      run("--producer", "message.timeout.ms=300", env: { "TARGET" => "no such topic!" })
      app.wait_for_log(/MessageDeliveryError|InvalidError/)
      app.wait_for_output { |lines| lines.grep(/Array/).size >= 2 }
      expect([app.stop, committed.to_i]).to eq([0, 0])
    end
  end
end

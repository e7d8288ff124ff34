# frozen_string_literal: true

require_relative "../spec_helper"
require_relative "../support/adapter_application"
require_relative "../support/real_kafka"
require_relative "../support/wire_member"

# A group moves from another library to this gem while messages come: one process after the other, where both can share partitions by the
# same strategy, else all at once, by the offsets that are committed. The other library is a member that speaks the protocol by itself.
RSpec.describe "a group that moves from another library", deadline: 300 do
  include AdapterApplication
  include RealKafka

  partitions = 4
  let(:topic) { cluster.create_topic(partitions: partitions) }
  let(:servers) { cluster.bootstrap_servers }
  let(:note) { "def note(partition, offset) = File.write(ENV.fetch(\"OUTPUT\"), \"\#{partition} \#{offset}\\n\", mode: \"a\")\n" }

  before { @apps = @theirs = [] }

  after do
    @feeding = false
    @feed&.join(30)
    @theirs.each(&:kill)
    @apps.each(&:close)
    @producer&.close
  end

  # Applications of each library, with its defaults; each writes down what it processes.
  applications = {
    "karafka 1.x" => lambda { |spec, kafka|
      spec.application("karafka.rb" => spec.note + <<~RUBY).start("karafka", "server")
        class App < Karafka::App
          setup do |config|
            config.kafka.seed_brokers = %w[kafka://#{spec.servers}]
            config.kafka.offset_commit_interval = 1
            #{kafka.map { |name, value| "config.kafka[#{name.to_s.dump}] = #{value.inspect}" }.join("\n")}
          end
        end
        class Reader < Karafka::BaseConsumer
          def consume = params_batch.each { |params| note(params.partition, params.offset) }
        end
        App.consumer_groups.draw { consumer_group(#{spec.group.dump}) { topic(#{spec.topic.dump}) { consumer Reader } } }
        App.boot!
      RUBY
    },
    "racecar" => lambda { |spec, _|
      spec.application("config/racecar.yml" => "common: { brokers: '#{spec.servers}', offset_commit_interval: 1, max_wait_time: 0.1 }\n",
                       "reader.rb" => spec.note + <<~RUBY).start("racecar", "Reader", "--require", "./reader")
                         class Reader < Racecar::Consumer
                           self.group_id = #{spec.group.dump}
                           subscribes_to #{spec.topic.dump}
                           def process(message) = note(message.partition, message.offset)
                         end
                       RUBY
    },
    "ruby-kafka" => lambda { |spec, _|
      spec.application("reader.rb" => spec.note + <<~RUBY).start("ruby", "reader.rb")
        require "karafka/compat/ruby-kafka"
        require "kafka"
        consumer = Kafka.new([#{spec.servers.dump}]).consumer(group_id: #{spec.group.dump}, offset_commit_interval: 1)
        consumer.subscribe(#{spec.topic.dump})
        trap("TERM") { consumer.stop }
        consumer.each_message { |message| note(message.partition, message.offset) }
      RUBY
    },
    "phobos" => lambda { |spec, _|
      spec.application("config/phobos.yml" => <<~YAML, "phobos_boot.rb" => spec.note + <<~RUBY).start("phobos", "start")
        kafka: { client_id: phobos, seed_brokers: ["#{spec.servers}"] }
        producer: { required_acks: -1 }
        consumer: { session_timeout: 30, offset_commit_interval: 1, heartbeat_interval: 1 }
        backoff: { min_ms: 100, max_ms: 300 }
        listeners: [{ handler: Reader, topic: #{spec.topic}, group_id: #{spec.group}, delivery: message }]
      YAML
        class Reader
          include Phobos::Handler
          def consume(_payload, metadata) = note(metadata[:partition], metadata[:offset])
        end
      RUBY
    }
  }

  def ours(start, **kafka)
    start.call(self, kafka).tap { |app| @apps += [app] }
  end

  def theirs(**options)
    WireMember.new(servers, group, topic, **options).start.tap { |member| @theirs += [member] }
  end

  # A few messages at a time, to all partitions, until `all_sent`.
  def feed
    @sent = 0
    @fed = Thread::ConditionVariable.new
    @feeding = true
    @feed = Thread.new do
      messages = Array.new(partitions_count * 5) { |index| { topic: topic, payload: "x", partition: index % partitions_count } }
      lock = Mutex.new
      while @feeding
        producer.produce_many_sync(messages.map(&:dup))
        @sent += 5
        lock.synchronize { @fed.wait(lock, 0.05) if @feeding }
      end
    end
  end

  define_method(:partitions_count) { partitions }

  def all_sent
    @feeding = false
    @fed.signal
    @feed.join(30) or raise "the producer did not end"
    Array.new(partitions_count) { |number| Array.new(@sent) { |offset| [number, offset] } }.flatten(1)
  end

  def of_app(app) = app.output.map { |line| line.split.map(&:to_i) }
  def processed = @theirs.flat_map { |member| member.processed.dup } + @apps.flat_map { |app| of_app(app) }

  def at_work(one)
    before = one.is_a?(WireMember) ? one.processed.size : one.output.size
    wait_until("a member at work", seconds: 90) do
      @theirs.each(&:alive?)
      (one.is_a?(WireMember) ? one.processed.size : one.output.size) > before
    end
  rescue Wait::DeadlineError => e
    raise e.class, "#{e.message}; #{@apps.map { |app| app.read("stdout") + app.read("log/phobos.log") }.join("\n")}"
  end

  def leave(one)
    one.is_a?(WireMember) ? one.stop : expect(one.stop).to(eq(0))
    @left = (@left || []) << one
  end

  # What both kinds have in common by default.
  { "karafka 1.x" => %w[roundrobin], "ruby-kafka" => %w[roundrobin], "phobos" => %w[roundrobin], "racecar" => %w[range roundrobin] }
    .each do |library, strategies|
    it "from #{library}, one process after the other: every message is processed, none twice" do
      feed
      first, second = Array.new(2) { theirs(strategies: strategies).tap { |member| at_work(member) } }
      own = ours(applications.fetch(library)).tap { |app| at_work(app) }
      leave(first)
      at_work(own)
      other = ours(applications.fetch(library)).tap { |app| at_work(app) }
      leave(second)
      [own, other].each { |app| at_work(app) }
      sent = all_sent
      wait_until("all messages", seconds: 90) { (sent - processed).empty? }
      [own, other].each { |app| expect(app.stop).to eq(0), app.read("stdout") }
      repeated = processed.tally.select { |_, times| times > 1 }.keys
      expect([sent - processed, repeated]).to eq([[], []])
      expect(cluster.committed(group)).to eq(Array.new(partitions) { |number| [[topic, number], @sent] }.to_h)
    end
  end

  it "goes back the same way: a process of the other library joins ours, which leaves" do
    feed
    own = ours(applications.fetch("karafka 1.x")).tap { |app| at_work(app) }
    back = theirs.tap { |member| at_work(member) }
    at_work(own)
    leave(own)
    at_work(back)
    sent = all_sent
    wait_until("all messages", seconds: 90) { (sent - processed).empty? }
    expect(processed.tally.reject { |_, times| times == 1 }).to eq({})
  end

  it "repeats no more than what was not committed, where an old process is killed" do
    feed
    killed = theirs(session_ms: 6_000).tap { |member| at_work(member) }
    own = ours(applications.fetch("karafka 1.x"))
    at_work(own)
    at_work(killed)
    killed.kill
    committed = killed.committed_by_it.dup
    wait_until("its partitions", seconds: 90) { of_app(own).map(&:first).uniq.size == partitions }
    sent = all_sent
    wait_until("all messages", seconds: 90) { (sent - processed).empty? }
    repeated = processed.tally.select { |_, times| times > 1 }.keys
    expect(repeated.reject { |number, offset| offset >= committed.fetch(number, 0) }).to eq([])
  end

  # Strategies that have no name in common: releases that call it otherwise, or "cooperative-sticky" on one side.
  [["standard", {}], ["roundrobin", { "partition.assignment.strategy": "cooperative-sticky" }]].each do |strategy, kafka|
    it "with no strategy in common (#{strategy}#{" and cooperative-sticky" if kafka.any?}) waits with words, and goes on at the offsets" do
      feed
      old = theirs(strategies: [strategy]).tap { |member| at_work(member) }
      own = ours(applications.fetch("karafka 1.x"), **kafka)
      own.wait_for_log(/have no "partition.assignment.strategy" in common/)
      at_work(old)
      expect(own.output).to eq([])
      leave(old)
      at_work(own)
      sent = all_sent
      wait_until("all messages", seconds: 90) { (sent - processed).empty? }
      expect(own.stop).to eq(0)
      expect(processed.tally.reject { |_, times| times == 1 }).to eq({})
    end
  end
end

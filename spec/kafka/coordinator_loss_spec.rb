# frozen_string_literal: true

require_relative "../spec_helper"
require_relative "../support/real_kafka"
require_relative "../support/server_process"
require_relative "../support/topic_reader"

RSpec.describe "a group's coordinator that stands still, on real Kafka", deadline: 500 do
  include RealKafka

  before { skip("its nodes can't be stopped from here") if ENV.key?("KARAFKA_TEST_BROKERS") }

  before(:all) { @own = KafkaCluster.new("tx").up(nodes: 3, heap: "256m") unless ENV.key?("KARAFKA_TEST_BROKERS") }

  after(:all) { @own&.down }

  after do
    go_on
    stop_application
    @server&.close
    @reader&.close
  end

  def cluster = @own

  # A node that was stopped takes up to minutes until it serves again.
  def producer
    servers = cluster.bootstrap_servers
    @producer ||= WaterDrop::Producer.new do |config|
      config.kafka = { "bootstrap.servers": servers, "enable.idempotence": true }
      config.max_wait_timeout = 180_000
    end
  end

  # As an overloaded or unreachable broker: its connections stay open and it answers nothing.
  def freeze_node(id)
    (@frozen ||= []) << cluster.nodes.find { |node| node.id == id }.pid
    Process.kill(:STOP, @frozen.last)
  end

  def go_on
    @frozen&.each { |pid| Process.kill(:CONT, pid) }
    @frozen = nil
  end

  def coordinator = cluster.admin.coordinator(group)

  # Doubles what comes, exactly once.
  def start_server(source, target, shutdown_timeout:)
    kafka = { "bootstrap.servers": cluster.bootstrap_servers, "auto.commit.interval.ms": 100, "session.timeout.ms": 45_000 }
    @server = ServerProcess.new(<<~RUBY).start
      class Copies < Karafka::BaseConsumer
        def consume
          messages.each { |message| produce_async(topic: #{target.dump}, payload: message.raw_payload) }
        end
      end

      class Reads < Karafka::BaseConsumer
        def consume
          messages.each { |message| File.write(ENV.fetch("APP_OUTPUT"), "read \#{message.raw_payload}\\n", mode: "a") }
        end
      end

      Karafka::App.setup do |config|
        config.kafka = #{kafka.inspect}
        config.group_id = #{group.dump}
        config.shutdown_timeout = #{shutdown_timeout}
        config.pause.timeout = config.pause.max_timeout = 50
      end
      Karafka.monitor.subscribe("error.occurred") do |event|
        Karafka.logger.warn("\#{event[:type]}: \#{event[:error].class} \#{event[:error].message.lines.first}")
      end
      Karafka.monitor.subscribe("app.stopped") { Karafka.logger.info("has stopped") }
      Karafka::App.routes.draw do
        topic(#{source.dump}) { consumer(Copies) && exactly_once(true) }
        topic(#{target.dump}) { consumer(Reads) }
      end
      Karafka.producer.produce_sync(topic: #{target.dump}, payload: "by the application")
    RUBY
  end

  def seconds
    started = Karafka::Clock.now
    yield
    Karafka::Clock.now - started
  end

  def payloads(target, count)
    @reader = TopicReader.new(cluster.bootstrap_servers, target)
    wait_until("#{count} messages") { @reader.rows.size >= count }
    @reader.rows.map(&:payload)
  end

  # A topic of one partition that needs only brokers that go on.
  def topic_elsewhere
    wait_until("a topic with another leader") do
      name = cluster.create_topic
      leader = cluster.admin.metadata([name]).fetch(:topics).fetch(name)[:partitions].fetch(0).fetch(:leader)
      name unless leader == coordinator
    end
  end

  it "does not keep a process from ending within shutdown_timeout, and cleanly, though the last commit has no answer" do
    source = cluster.create_topic(partitions: 6, replication: 3)
    target = topic_elsewhere
    start_server(source, target, shutdown_timeout: 8_000)
    6.times { |partition| producer.produce_sync(topic: source, partition: partition, payload: partition.to_s) }
    wait_until("the commits", seconds: 150) { (0..5).all? { |partition| committed(source, partition) } && committed(target) }
    freeze_node(coordinator)
    producer.produce_sync(topic: target, payload: "more")
    @server.wait_for_output { |lines| lines.include?("read more") }
    status = nil
    took = seconds do
      @server.signal(:TERM)
      status = @server.wait(seconds: 60)
    end
    expect([status, took]).to match([0, be < 8.5]), "#{took} s\n#{@server.log}"
    expect(@server.log).to match(/has stopped/)
  end

  # Each batch has been produced, and stands before its offset is sent, until `gate` gets something.
  def copy(source, target, gate)
    begun = Queue.new
    @outcomes = outcomes = Queue.new
    Karafka.monitor.subscribe("consumer.consuming.transaction") { outcomes << [Karafka::Clock.now, nil] }
    Karafka.monitor.subscribe("error.occurred") do |event|
      outcomes << [Karafka::Clock.now, event[:error]] if event[:type] == "consumer.consume.error"
    end
    consume(source, settings: { exactly_once: true }) do
      messages.each { |message| produce_async(topic: target, payload: message.raw_payload).wait }
      begun << messages.map(&:offset)
      gate.pop
    end
    begun
  end

  # When the first transaction ended, and with which error.
  def first_outcome(seconds)
    wait_until("the end of a transaction", seconds: seconds) { @outcomes.pop unless @outcomes.empty? }
  end

  it "holds up a worker that sends offsets for ten seconds and the abort; then nothing is lost or doubled" do
    source = cluster.create_topic(replication: 3)
    target = cluster.create_topic(replication: 3)
    begun = copy(source, target, gate = Queue.new)
    producer.produce_sync(topic: source, payload: "1")
    wait_until("the batch", seconds: 150) { begun.size == 1 }
    freeze_node(coordinator)
    started = Karafka::Clock.now
    gate << true
    at, error = first_outcome(60)
    # The time limits of sending offsets and of the abort, as the same node may be the one of the transaction. Where another node
    # takes over soon enough there is no error.
    expect([error, at - started]).to match([be_nil.or(be_a(WaterDrop::Errors::TransactionError)), be < 27])
    go_on
    gate.close
    producer.produce_sync(topic: source, payload: "2")
    wait_until("the commit", seconds: 150) { committed(source) == 2 }
    producer.produce_sync(topic: target, payload: "last")
    expect(payloads(target, 3)).to eq(%w[1 2 last])
  end

  it "holds up a worker that sends offsets for two seconds once the process stops" do
    source = cluster.create_topic(replication: 3)
    target = cluster.create_topic(replication: 3)
    begun = copy(source, target, gate = Queue.new)
    Karafka::App.config.shutdown_timeout = 15_000
    producer.produce_sync(topic: source, payload: "1")
    wait_until("the batch", seconds: 150) { begun.size == 1 }
    freeze_node(coordinator)
    gate << true
    started = Karafka::Clock.now
    Karafka::Embedded.stop
    expect(Karafka::Clock.now - started).to be < 16
    at, error = first_outcome(1)
    expect([error&.cause&.code, at - started]).to match([be_nil.or(eq(:given_up)), be < 5])
  end
end

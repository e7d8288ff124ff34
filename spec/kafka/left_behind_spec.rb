# frozen_string_literal: true

require_relative "../spec_helper"
require_relative "../support/real_kafka"
require_relative "../support/server_process"
require_relative "../support/topic_reader"

RSpec.describe "members that the group has left behind, on real Kafka", deadline: 300 do
  include RealKafka

  after do
    stop_application
    [@member, @reader, @successor].compact.each(&:close)
  end

  # Its group and its name in the group.
  def member_settings(**more)
    { "group.id" => group, "session.timeout.ms" => "6000", "heartbeat.interval.ms" => "500",
      "partition.assignment.strategy" => "cooperative-sticky" }.merge(more.to_h { |name, value| [name.to_s, value.to_s] })
  end

  # All that a reader of committed messages sees, up to a last one.
  def seen(target)
    producer.produce_sync(topic: target, payload: "last")
    @reader = TopicReader.new(cluster.bootstrap_servers, target)
    wait_until("the last one") { @reader.rows.any? { |row| row.payload == "last" } }
    @reader.rows.map(&:payload)
  end

  it "are refused by the broker: one whose place a namesake has taken, and who does not know it yet" do
    source = cluster.create_topic
    target = cluster.create_topic
    producer.produce_sync(topic: source, payload: "x")
    refusals = Queue.new
    Karafka.monitor.subscribe("error.occurred") { |event| refusals << event[:error] if event[:type] == "consumer.consume.error" }
    # So rarely that nothing tells it in time.
    names = { "group.instance.id": "twin", "heartbeat.interval.ms": 20_000, "session.timeout.ms": 30_000 }
    servers = cluster.bootstrap_servers
    settings = member_settings(**names)
    successor = nil
    lost = nil
    kafka = names.merge("partition.assignment.strategy": "cooperative-sticky")
    consume(source, settings: { manual_offset_management: true }, kafka: kafka) do
      transaction do
        produce_async(topic: target, payload: "of the one left behind").wait
        mark_as_consumed(messages.last)
        successor ||= TopicReader.new(servers, source, kafka: settings).tap { |reader| reader.wait_for(1) }
        lost = revoked?
      end
    end
    refusal = wait_until("the refusal") { refusals.pop unless refusals.empty? }
    @successor = successor
    expect([lost, refusal.class, refusal.cause&.code]).to eq([false, WaterDrop::Errors::TransactionError, :fenced_instance_id])
    expect(seen(target)).to eq(["last"])
  end

  it "are refused after their process stood still for longer than the session" do
    source = cluster.create_topic
    target = cluster.create_topic
    producer.produce_sync(topic: source, payload: "x")
    go = File.join(dir = Dir.mktmpdir, "go")
    @member = ServerProcess.new(<<~RUBY).start
      class Still < Karafka::BaseConsumer
        def consume
          transaction(OWN) do
            produce_async(topic: #{target.dump}, payload: "of the one left behind").wait
            mark_as_consumed(messages.last)
            say "in it"
            sleep 0.001 until File.exist?(#{go.dump})
          end
          say "committed"
        rescue Karafka::Errors::BaseError => e
          say e.class
        end

        def say(what) = File.write(ENV.fetch("APP_OUTPUT"), "\#{what}\\n", mode: "a")
      end

      Karafka::App.setup do |config|
        config.kafka = #{member_settings("bootstrap.servers": cluster.bootstrap_servers).except("group.id").inspect}
        config.group_id = #{group.dump}
      end
      OWN = WaterDrop::Producer.new do |config|
        config.kafka = { "bootstrap.servers": #{cluster.bootstrap_servers.dump}, "transactional.id": #{group.dump} }
      end
      Karafka::App.routes.draw { topic(#{source.dump}) { consumer Still } }
    RUBY
    @member.wait_for_output { |lines| lines.include?("in it") }
    @member.signal(:STOP)
    @successor = TopicReader.new(cluster.bootstrap_servers, source, kafka: member_settings)
    @successor.wait_for(1)
    File.write(go, "")
    @member.signal(:CONT)
    outcome = @member.wait_for_output { |lines| lines[1] }
    expect(outcome).to eq("Karafka::Errors::AssignmentLostError").or eq("WaterDrop::Errors::TransactionError")
    expect(seen(target)).to eq(["last"])
  ensure
    FileUtils.rm_rf(dir) if dir
  end
end

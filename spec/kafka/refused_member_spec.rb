# frozen_string_literal: true

require_relative "../spec_helper"
require_relative "../support/native_config"
require_relative "../support/real_kafka"

RSpec.describe "a member that its group refuses on real Kafka" do
  include NativeConfig
  include RealKafka

  after do
    stop_application
    @other&.stop
    @other&.join(30_000)
  end

  def member(topic, strategy)
    settings = { "bootstrap.servers" => cluster.bootstrap_servers, "group.id" => group, "partition.assignment.strategy" => strategy }
    @other = Karafka::Engine.new(one_group("other", settings, { name: topic })).tap(&:start)
    wait_until("the first member") { @other.state.to_s.include?(topic) }
  end

  it "tries to join once a second, not as fast as the broker answers" do
    topic = cluster.create_topic
    member(topic, "range")
    joins = Queue.new
    Karafka.monitor.subscribe("statistics.emitted") do |event|
      joins << event[:statistics]["brokers"].each_value.sum { |broker| broker["req"]["JoinGroup"].to_i }
    end
    started = Karafka::Clock.now
    consume(topic, kafka: { "partition.assignment.strategy": "cooperative-sticky", "statistics.interval.ms": 500 }) { nil }
    # Two requests each time.
    wait_until("joins") { joins.pop >= 12 }
    expect(Karafka::Clock.now - started).to be >= 2.5
  end
end

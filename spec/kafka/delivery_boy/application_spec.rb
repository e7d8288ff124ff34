# frozen_string_literal: true

require_relative "../../spec_helper"
require_relative "../../support/example_process"
require_relative "../../support/ruby_kafka_app"
require "karafka/compat/delivery_boy"
require "json"

# examples/delivery_boy: configuration in YAML and Ruby, forked workers with threads, messages that are awaited and messages in the
# background, which are sent before the process ends.
RSpec.describe DeliveryBoy, "on real Kafka" do
  include RubyKafkaApp

  after do
    @process&.close
    described_class.shutdown
    described_class.instance_variable_set(:@instance, nil)
    described_class.clear_config!
  end

  it "sends all of an application's messages, from its forked workers" do
    env = { "SIGNUPS_BROKERS" => cluster.bootstrap_servers, "SIGNUPS_TOPIC" => topic }
    @process = ExampleProcess.new("delivery_boy/signups.rb", 100, required: "karafka/compat/delivery_boy", env: env)
    expect([@process.wait, @process.errors]).to eq([0, ""])
    events = consumed(consumer, 220).map { |message| [message.key, JSON.parse(message.value)] }
    kinds = events.group_by { |_, event| event["kind"] }.transform_values(&:size)
    expect(kinds).to eq("awaited" => 20, "background" => 200)
    expect(events.map(&:last).uniq.size).to eq(220)
    expect(events.all? { |key, event| key == "worker-#{event["worker"]}" }).to be(true)
  end

  it "sends in this process: awaited, collected and in the background, in each of its threads" do
    servers = cluster.bootstrap_servers
    described_class.configure do |config|
      config.brokers = [servers]
      config.delivery_threshold = 2
    end
    described_class.deliver("awaited", topic: topic, key: "k")
    threads = Array.new(3) do |number|
      Thread.new do
        described_class.produce("collected #{number}", topic: topic)
        described_class.deliver_messages
      end
    end
    threads.each(&:join)
    2.times { |number| described_class.deliver_async("background #{number}", topic: topic, partition_key: "x") }
    expect(consumed(consumer, 6).map(&:value)).to contain_exactly("awaited", "collected 0", "collected 1", "collected 2", "background 0",
                                                                  "background 1")
    expect(described_class.instance_variable_get(:@instance)).to be_a(DeliveryBoy::Instance)
  end

  it "raises what went wrong, and keeps nothing of it" do
    servers = cluster.bootstrap_servers
    described_class.configure do |config|
      config.brokers = [servers]
      config.max_retries = 0
    end
    expect { described_class.deliver("x" * 2_000_000, topic: topic) }.to raise_error(Kafka::DeliveryFailed)
    expect(described_class.buffer_size).to eq(0)
  end
end

# frozen_string_literal: true

require_relative "../../spec_helper"
require_relative "../../support/adapter_application"
require_relative "../../support/example_process"
require_relative "../../support/ruby_kafka_app"
require "karafka/compat/delivery_boy"
require "json"

# examples/delivery_boy: configuration in YAML and Ruby, forked workers with threads, messages that are awaited and messages in the
# background, which are sent before the process ends.
RSpec.describe DeliveryBoy, "on real Kafka" do
  include RubyKafkaApp
  include AdapterApplication

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

  # What runs in a process of its own, to its end.
  def run(script)
    setup = "DeliveryBoy.configure { |config| config.brokers = [#{cluster.bootstrap_servers.inspect}] }\ntopic = #{topic.inspect}\n"
    application("main.rb" => "require \"karafka/compat/delivery_boy\"\n#{setup}#{script}") do |app|
      output, status = app.run("ruby", "main.rb")
      expect(status.exitstatus).to eq(0), output
    end
  end

  # @return [Hash{String=>Integer}] how often each value is in the topic
  def sent
    ends = kafka.last_offsets_for(topic)[topic].sum { |_, offset| offset + 1 }
    consumed(consumer, ends).map(&:value).tally
  end

  it "sends what was collected before a fork once, in the parent, however the child ends" do
    run(<<~RUBY)
      DeliveryBoy.deliver_async("parent", topic: topic)
      Process.wait(fork { exit })
      Process.wait(fork { DeliveryBoy.deliver("child", topic: topic) })
      Process.wait(fork { DeliveryBoy.deliver_async("background", topic: topic) })
    RUBY
    expect(sent).to eq("parent" => 1, "child" => 1, "background" => 1)
  end

  it "sends what comes after a shutdown, also while the process exits" do
    run(<<~RUBY)
      at_exit { DeliveryBoy.deliver_async("at the exit", topic: topic) }
      DeliveryBoy.deliver_async("before", topic: topic)
      DeliveryBoy.shutdown
      DeliveryBoy.deliver_async("after", topic: topic)
      DeliveryBoy.shutdown
      DeliveryBoy.deliver("awaited", topic: topic)
    RUBY
    expect(sent).to eq("before" => 1, "after" => 1, "awaited" => 1, "at the exit" => 1)
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

# frozen_string_literal: true

require "open3"
require "waterdrop"

RSpec.describe "old names of WaterDrop" do
  before do
    WaterDrop.setup do |config|
      config.deliver = false
      config.monitor.subscribe("message.produced_sync") { |event| sent << event[:message] }
      config.monitor.subscribe("message.produced_async") { |event| sent << event[:message] }
    end
  end

  after { WaterDrop.instance_variable_set(:@default_producer, nil) }

  let(:sent) { [] }

  it "produces by SyncProducer, AsyncProducer and Message" do
    WaterDrop::SyncProducer.call("one", topic: "orders", key: "k", create_time: 5)
    WaterDrop::AsyncProducer.call("two", topic: "orders")
    WaterDrop::Message.new("orders", "three", { partition: 1 }).send!
    expect(sent).to eq([
                         { topic: "orders", key: "k", timestamp: 5, payload: "one" },
                         { topic: "orders", payload: "two" },
                         { topic: "orders", partition: 1, payload: "three" }
                       ])
  end

  it "takes the settings of WaterDrop 1.x" do
    made = WaterDrop::Producer.new do |config|
      config.deliver = false
      config.client_id = "shop"
      config.raise_on_buffer_overflow = false
      config.kafka.seed_brokers = %w[kafka://one:9092]
      config.kafka.required_acks = :all
      config.kafka.ack_timeout = 5
      config.kafka.max_retries = 2
      config.kafka.retry_backoff = 1
      config.kafka.max_buffer_size = 1_000
      config.kafka.compression_codec = :gzip
      config.kafka.compression_threshold = 1
    end
    expect(made.config.native_kafka).to include(
      "client.id" => "shop", "bootstrap.servers" => "one:9092", "acks" => "all", "request.timeout.ms" => "5000",
      "message.send.max.retries" => "2", "retry.backoff.ms" => "1000", "queue.buffering.max.messages" => "1000",
      "compression.codec" => "gzip"
    )
    expect(made.config.drop_on_queue_full).to be(true)
    expect { made.config.kafka.compression_threshold = 10 }.to raise_error(Karafka::Errors::UnsupportedFeatureError, /whatever it sends/)
  end

  it "refuses options that do nothing" do
    expect { WaterDrop::SyncProducer.call("one", topic: "orders", retries: 5) }.to raise_error(ArgumentError, /retries/)
  end

  it "loads without the rest of Karafka, and Karafka loads after it" do
    script = <<~RUBY
      require "waterdrop"
      abort "Karafka was loaded" if Karafka.const_defined?(:App)
      producer = WaterDrop::Producer.new { |config| config.deliver = false }
      producer.produce_sync(topic: "t", payload: "x")
      require "karafka"
      abort "two monitors" unless Karafka::App.config.monitor.is_a?(Karafka::Instrumentation::Monitor)
      print "fine"
    RUBY
    output, status = Open3.capture2e(RbConfig.ruby, "-I", File.expand_path("../../../lib", __dir__), "-e", script)
    expect([output, status.success?]).to eq(["fine", true])
  end
end

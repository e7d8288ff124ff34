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

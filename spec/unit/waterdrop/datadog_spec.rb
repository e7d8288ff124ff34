# frozen_string_literal: true

require "socket"
require "support/wait"

RSpec.describe "WaterDrop::Instrumentation::Vendors::Datadog::MetricsListener" do
  let(:client) do
    Class.new do
      def sent = @sent ||= []
      %i[count gauge histogram distribution].each do |kind|
        define_method(kind) { |name, value, tags: []| sent << [kind, name, value, tags] }
      end
    end.new
  end
  let(:listener) do
    WaterDrop::Instrumentation::Vendors::Datadog::MetricsListener.new do |config|
      config.client = client
      config.default_tags = ["env:test"]
    end
  end
  let(:monitor) { WaterDrop::Instrumentation::Monitor.new.tap { |monitor| monitor.subscribe(listener) } }

  it "sends what calls have taken and what became of it, under WaterDrop's names" do
    orders = { topic: "orders", payload: "1" }
    mails = { topic: :mails, payload: "1" }
    monitor.instrument("message.produced_sync", { message: orders })
    monitor.instrument("messages.produced_async", { messages: [orders, orders, mails] })
    monitor.instrument("message.buffered", { message: orders })
    monitor.instrument("buffer.flushed_async", { messages: [orders] })
    monitor.instrument("message.acknowledged", { topic: "orders" })
    monitor.instrument("error.occurred", { type: "librdkafka.error", error: ArgumentError.new("x") })
    expect(client.sent).to eq(
      [
        [:count, "waterdrop.produced_sync", 1, %w[env:test topic:orders]],
        [:count, "waterdrop.produced_async", 2, %w[env:test topic:orders]],
        [:count, "waterdrop.produced_async", 1, %w[env:test topic:mails]],
        [:count, "waterdrop.buffered", 1, %w[env:test topic:orders]],
        [:count, "waterdrop.flushed_async", 1, %w[env:test topic:orders]],
        [:count, "waterdrop.acknowledged", 1, %w[env:test topic:orders]],
        [:count, "waterdrop.error_occurred", 1, %w[env:test type:librdkafka.error]]
      ]
    )
  end

  it "sends librdkafka's statistics, and others where they are named" do
    statistics = { "tx_d" => 7, "msg_cnt" => 3,
                   "brokers" => { "b" => { "nodeid" => 1, "nodename" => "b:9092", "txretries_d" => 1, "rtt" => { "p99" => 30 } },
                                  "boot" => { "nodeid" => -1, "nodename" => "boot", "txretries_d" => 9 } },
                   "topics" => { "orders" => { "partitions" => { "0" => { "msgq_cnt" => 4 }, "-1" => { "msgq_cnt" => 9 } } } } }
    listener.rd_kafka_metrics += [listener.class::RdKafkaMetric.new(:gauge, :topics, "waiting", "msgq_cnt")]
    monitor.instrument("statistics.emitted", { statistics: statistics })
    expect(client.sent).to eq(
      [
        [:count, "waterdrop.calls", 7, %w[env:test]], [:histogram, "waterdrop.queue.size", 3, %w[env:test]],
        [:count, "waterdrop.deliver.attempts", 1, %w[env:test broker:b:9092]],
        [:gauge, "waterdrop.network.latency.p99", 30, %w[env:test broker:b:9092]],
        [:gauge, "waterdrop.waiting", 4, %w[env:test topic:orders partition:0]]
      ]
    )
  end

  it "takes the settings of Karafka's listener" do
    listener.setup do |config|
      config.namespace = "shop"
      config.distribution_mode = :distribution
    end
    monitor.instrument("statistics.emitted", { statistics: { "msg_cnt" => 3 } })
    expect(client.sent).to eq([[:distribution, "shop.queue.size", 3, ["env:test"]]])
    expect { listener.distribution_mode = :mean }.to raise_error(Karafka::Errors::InvalidConfigurationError, /distribution_mode is :mean/)
  end

  it "needs no gem: a real receiver of UDP has the packets of a real producer" do
    agent = UDPSocket.new.tap { |socket| socket.bind("127.0.0.1", 0) }
    statsd = Karafka::Instrumentation::Statsd.new("127.0.0.1", agent.addr[1])
    broker = Karafka::Native::MockBroker.new(1).tap { |made| made.create_topic("orders", 1) }
    producer = WaterDrop::Producer.new { |config| config.kafka = { "bootstrap.servers": broker.bootstrap_servers } }
    producer.monitor.subscribe(listener.tap { |it| it.client = statsd })
    producer.produce_many_sync(Array.new(20) { { topic: "orders", payload: "1" } })
    producer.close
    statsd.flush
    metrics = []
    metrics.concat(agent.recvfrom(65_536).first.split("\n")) while metrics.size < statsd.sent && agent.wait_readable(Wait::LONG)
    expect(metrics).to include("waterdrop.produced_sync:20|c|#env:test,topic:orders")
    expect(metrics.count("waterdrop.acknowledged:1|c|#env:test,topic:orders")).to eq(20)
    expect(metrics).to all(match(/\Awaterdrop\.[\w.]+:-?[\d.]+\|[cghd]\|#[^|\n]+\z/))
  ensure
    producer&.close
    broker&.close
    statsd&.close
    agent&.close
  end
end

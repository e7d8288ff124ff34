# frozen_string_literal: true

require "support/wait"
require "support/fake_lease"
require "support/routes"

# The clients are stand-ins with the methods of dogstatsd-ruby and Datadog::Tracing that their public documentation names. The last
# example has a real receiver.
RSpec.describe Karafka::Instrumentation::Vendors::Datadog do
  include OneTopic

  let(:client) do
    Class.new do
      def sent = @sent ||= []
      %i[count gauge histogram distribution].each do |kind|
        define_method(kind) { |name, value, tags: []| sent << [kind, name, value, tags] }
      end
    end.new
  end
  let(:consumer_class) { stub_const("OrdersConsumer", Class.new(Karafka::BaseConsumer) { def consume; end }) }
  let(:coordinator) { Karafka::Coordinator.new(route(consumer_class)) }
  let(:statistics) do
    {
      "rxmsgs_d" => 5, "rxmsg_bytes_d" => 500,
      "brokers" => {
        "b1:9092/1" => { "nodeid" => 1, "nodename" => "b1:9092", "txretries_d" => 1, "txerrs_d" => 2, "rxerrs_d" => 3, "connects_d" => 4,
                         "disconnects_d" => 5, "rtt" => { "avg" => 10, "p95" => 20, "p99" => 30 } },
        "boot" => { "nodeid" => -1, "nodename" => "boot", "connects_d" => 1 }
      },
      "topics" => {
        "orders" => { "partitions" => {
          "0" => { "fetch_state" => "active", "consumer_lag_stored" => 7, "consumer_lag_stored_d" => -1 },
          "1" => { "fetch_state" => "active", "consumer_lag_stored" => 3, "consumer_lag_stored_d" => 0 },
          "2" => { "fetch_state" => "active", "consumer_lag_stored" => -1 },
          "3" => { "fetch_state" => "none", "consumer_lag_stored" => 99 },
          "-1" => { "fetch_state" => "none" }
        } }
      }
    }
  end

  def run(lease)
    assignment = coordinator.fetch(lease)
    assignment.public_send(lease.kind, lease)
    assignment.consumer
  end

  describe described_class::MetricsListener do
    let(:listener) do
      described_class.new do |config|
        config.client = client
        config.default_tags = ["env:test"]
      end
    end

    def names(kind) = client.sent.select { |sent| sent.first == kind }.map { |sent| sent[1] }

    it "sends what a consumer does, under Karafka's names" do
      Karafka.monitor.subscribe(listener)
      run(FakeLease.new(%w[1 2], first_offset: 5))
      tags = ["env:test", "topic:orders", "partition:0", "consumer_group:app"]
      expect(client.sent).to include([:count, "karafka.consumer.messages", 2, tags], [:count, "karafka.consumer.batches", 1, tags],
                                     [:gauge, "karafka.consumer.offset", 6, tags], [:histogram, "karafka.consumer.batch_size", 2, tags])
      expect(names(:histogram)).to include("karafka.listener.polling.messages", "karafka.listener.polling.time_taken",
                                           "karafka.consumer.consumed.time_taken")
    end

    it "sends errors with their type and place, and what workers do" do
      Karafka.monitor.subscribe(listener)
      consumer = run(FakeLease.new(%w[1]))
      Karafka::Instrumentation::Safely.error(ArgumentError.new("bad"), "consumer.consume.error", caller: consumer)
      Karafka::Instrumentation::Safely.error(ArgumentError.new("bad"), "librdkafka.error")
      Karafka.monitor.instrument("worker.process", job: nil)
      Karafka.monitor.instrument("worker.processed", job: nil)
      expect(client.sent).to include(
        [:count, "karafka.error_occurred", 1,
         %w[env:test type:consumer.consume.error topic:orders partition:0 consumer_group:app]],
        [:count, "karafka.error_occurred", 1, %w[env:test type:librdkafka.error]],
        [:gauge, "karafka.worker.total_threads", 5, ["env:test"]],
        [:histogram, "karafka.worker.processing", 1, ["env:test"]], [:histogram, "karafka.worker.processing", 0, ["env:test"]]
      )
    end

    it "sends librdkafka's statistics, but neither unknown lags nor partitions of others" do
      listener.on_statistics_emitted({ consumer_group_id: "app", statistics: statistics })
      lags = client.sent.select { |sent| sent[1] == "karafka.consumer.lags" }
      expect(lags.map { |sent| [sent[2], sent[3].last] }).to eq([[7, "partition:0"], [3, "partition:1"]])
      expect(client.sent).to include(
        [:count, "karafka.messages.consumed", 5, %w[env:test consumer_group:app]],
        [:gauge, "karafka.network.latency.p95", 20, %w[env:test consumer_group:app broker:b1:9092]],
        [:gauge, "karafka.consumer.aggregated_lag", 10, %w[env:test consumer_group:app topic:orders]]
      )
      expect(client.sent.flat_map(&:last)).not_to include("broker:boot")
    end

    it "sends other names, tags, statistics and distributions as set up" do
      listener.setup do |config|
        config.namespace = "shop"
        config.rd_kafka_metrics = [described_class::RdKafkaMetric.new(:histogram, :root, "bytes", "rxmsg_bytes_d")]
        config.distribution_mode = :distribution
      end
      listener.on_statistics_emitted({ consumer_group_id: "app", statistics: statistics })
      expect(client.sent).to eq([[:distribution, "shop.bytes", 500, %w[env:test consumer_group:app]]])
      expect { listener.distribution_mode = :mean }
        .to raise_error(Karafka::Errors::InvalidConfigurationError, /distribution_mode is :mean, but must be :histogram or :distribution/)
    end

    # As Karafka's guide shows it.
    it "can be inherited from: gauges of an application are sent under the same namespace" do
      own = Class.new(described_class) do
        def on_statistics_emitted(event)
          tags = default_tags + ["consumer_group:#{event[:consumer_group_id]}"]
          gauge("consumer.lag", 7, tags: tags)
          count("consumer.seen", 1, tags: tags)
          histogram("consumer.spread", 2, tags: tags)
        end
      end
      client = self.client
      own.new { |config| (config.client = client) && config.default_tags = ["env:own"] }.on_statistics_emitted({ consumer_group_id: "app" })
      expect(client.sent).to eq([[:gauge, "karafka.consumer.lag", 7, %w[env:own consumer_group:app]],
                                 [:count, "karafka.consumer.seen", 1, %w[env:own consumer_group:app]],
                                 [:histogram, "karafka.consumer.spread", 2, %w[env:own consumer_group:app]]])
    end

    it "needs no gem: a real receiver of UDP has the packets" do
      agent = UDPSocket.new.tap { |socket| socket.bind("127.0.0.1", 0) }
      statsd = Karafka::Instrumentation::Statsd.new("127.0.0.1", agent.addr[1])
      listener = described_class.new { |config| config.client = statsd }
      Karafka.monitor.subscribe(listener)
      run(FakeLease.new(%w[1 2], first_offset: 5))
      statsd.flush
      metrics = []
      metrics.concat(agent.recvfrom(65_536).first.split("\n")) while metrics.size < statsd.sent && agent.wait_readable(Wait::LONG)
      expect(metrics).to include("karafka.consumer.messages:2|c|#topic:orders,partition:0,consumer_group:app")
      expect(metrics).to all(match(/\Akarafka\.[\w.]+:-?[\d.]+\|[cghd](\|#[^|\n]+)?\z/))
    ensure
      statsd&.close
      agent&.close
    end
  end

  describe described_class::LoggerListener do
    let(:span) do
      Class.new do
        attr_accessor :resource
        attr_reader :error, :finished

        def tags = @tags ||= {}
        def set_tag(name, value) = tags[name] = value
        def set_error(error) = @error = error # rubocop:disable Naming/AccessorMethodName -- Datadog's name
        def finish = @finished = true
      end.new
    end
    let(:tracer) do
      span = self.span
      Class.new do
        attr_reader :traced

        define_method(:trace) { |name, **options| (@traced = [name, options]) && span }
        def log_correlation = "dd.trace_id=1"
      end.new
    end
    let(:logger) do
      Class.new(Logger) do
        def tags = @tags ||= []
        def push_tags(*tags) = self.tags.concat(tags)
        def pop_tags = tags.pop
      end.new(StringIO.new)
    end

    before { Karafka::App.config.logger = logger }

    it "has a span for each call, with its error, and tags the lines within" do
      Karafka.monitor.subscribe(described_class.new { |config| (config.client = tracer) && (config.service_name = "shop") })
      consumer = run(FakeLease.new(%w[1]))
      assignment = Struct.new(:topic, :consumer).new(consumer.topic, consumer)
      job = Karafka::Worker::Job.new(0, 1, FakeLease.new([]), assignment)
      Karafka.monitor.instrument("worker.process", job: job)
      expect(logger.tags).to eq(["dd.trace_id=1"])
      error = ArgumentError.new("bad")
      Karafka::Instrumentation::Safely.error(error, "consumer.consume.error", caller: consumer)
      Karafka.monitor.instrument("worker.completed", job: job)
      expect(tracer.traced).to eq(["karafka.consumer", { service: "shop" }])
      expect([span.resource, span.tags, span.error, span.finished])
        .to eq(["OrdersConsumer#consume", { "topic" => "orders", "partition" => 0 }, error, true])
      expect(logger.tags).to be_empty
    end

    it "says what it needs" do
      expect { described_class.new }.to raise_error(Karafka::Errors::InvalidConfigurationError, /client is nil, but must be a tracer/)
    end
  end
end

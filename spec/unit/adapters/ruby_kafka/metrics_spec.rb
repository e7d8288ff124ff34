# frozen_string_literal: true

require "open3"
require "rbconfig"
require "tmpdir"

# One of each event, and one that failed.
module MetricsEvents
  SCRIPT = <<~'RUBY'
    notify = ->(name, **payload) { ActiveSupport::Notifications.instrument("#{name}.kafka", { client_id: "c", **payload }) }
    place = { group_id: "g", topic: "t", partition: 2 }
    notify.call("process_message.consumer", **place, offset_lag: 7, create_time: Time.now)
    notify.call("process_batch.consumer", **place, message_count: 3)
    notify.call("join_group.consumer", group_id: "g")
    notify.call("produce_message.producer", topic: "t", message_size: 5, buffer_size: 1, max_buffer_size: 4)
    notify.call("deliver_messages.producer", attempts: 1, message_count: 2, delivered_message_count: 2)
    notify.call("ack_message.producer", topic: "t", delay: 0.5)
    notify.call("topic_error.producer", topic: "t")
    notify.call("buffer_overflow.producer", topic: "t")
    notify.call("enqueue_message.async_producer", topic: "t", queue_size: 1, max_queue_size: 2)
    notify.call("drop_messages.async_producer", message_count: 4)
    notify.call("fetch_batch.consumer", **place, offset_lag: 6, message_count: 3)
    notify.call("pause_status.consumer", **place, duration: 2)
    begin
      ActiveSupport::Notifications.instrument("process_message.consumer.kafka", { client_id: "c", **place, offset_lag: 7 }) { raise "x" }
    rescue RuntimeError => e
      CALLS << e.message
    end
    puts CALLS
  RUBY
end

# The gems of the three backends are not installed here: stand-ins with the calls that they have.
RSpec.describe "metrics of the adapter for ruby-kafka" do
  def run(stand_ins, script)
    lib = File.expand_path("../../../../lib", __dir__)
    Dir.mktmpdir do |dir|
      stand_ins.each do |path, text|
        FileUtils.mkdir_p(File.dirname(File.join(dir, path)))
        File.write(File.join(dir, path), text)
      end
      File.write(File.join(dir, "script.rb"), "require \"karafka/compat/ruby-kafka\"\nCALLS = []\n#{script}\n#{MetricsEvents::SCRIPT}")
      output, status = Open3.capture2e(RbConfig.ruby, "-I#{lib}", "-I#{dir}", File.join(dir, "script.rb"))
      raise output unless status.success?

      output.lines(chomp: true)
    end
  end

  it "have ruby-kafka's names in Statsd" do
    client = <<~RUBY
      class Statsd
        attr_accessor :namespace
        def initialize(host, port) = CALLS << "new \#{host} \#{port}"
        %i[count gauge timing].each { |kind| define_method(kind) { |name, value| CALLS << "\#{kind} \#{namespace}.\#{name} \#{value.is_a?(Integer) ? value : "x"}" } }
      end
    RUBY
    calls = run({ "statsd.rb" => client },
                "require \"kafka/statsd\"; Kafka::Statsd.namespace = \"n\"; Kafka::Statsd.host = \"h\"; Kafka::Statsd.port = 1")
    expect(calls.first).to eq("new h 1")
    expect(calls).to include(
      "timing n.consumer.c.g.t.2.process_message.latency x", "count n.consumer.c.g.t.2.messages 1", "gauge n.consumer.c.g.t.2.lag 7",
      match(/\Agauge n\.consumer\.c\.g\.t\.2\.time_lag \d+\z/), "count n.consumer.c.g.t.2.messages 3", "timing n.consumer.c.g.join_group x",
      "count n.producer.c.t.produce.messages 1", "timing n.producer.c.t.produce.message_size 5", "gauge n.producer.c.buffer.size 1",
      "gauge n.producer.c.buffer.fill_ratio x", "count n.producer.c.deliver.messages 2", "timing n.producer.c.deliver.latency x",
      "timing n.producer.c.deliver.attempts 1", "count n.producer.c.t.ack.messages 1", "timing n.producer.c.t.ack.delay x",
      "count n.producer.c.t.ack.errors 1", "count n.producer.c.t.produce.errors 1", "gauge n.async_producer.c.t.queue.size 1",
      "count n.async_producer.c.dropped_messages 4", "gauge n.consumer.c.g.t.2.lag 6", "gauge n.consumer.c.g.t.2.pause.duration 2",
      "count n.consumer.c.g.t.2.process_message.errors 1"
    )
  end

  it "have ruby-kafka's names and tags in Datadog" do
    client = <<~RUBY
      module Datadog
        class Statsd
          def initialize(*args, **options) = CALLS << "new \#{args} \#{options}"
          def close = nil
          %i[count gauge timing histogram].each do |kind|
            define_method(kind) { |name, value, tags:| CALLS << "\#{kind} \#{name} \#{value.is_a?(Integer) ? value : "x"} \#{tags.join(",")}" }
          end
        end
      end
    RUBY
    script = "require \"kafka/datadog\"; Kafka::Datadog.host = \"h\"; Kafka::Datadog.port = 1; Kafka::Datadog.tags = [\"a\"]"
    calls = run({ "datadog/statsd.rb" => client }, script)
    expect(calls.first).to start_with("new [\"h\", 1] {:namespace=>\"ruby_kafka\", :tags=>[\"a\"]}")
      .or(start_with("new [\"h\", 1] {namespace:"))
    expect(calls).to include(
      "gauge consumer.lag 7 client:c,group_id:g,topic:t,partition:2", "count consumer.messages 3 client:c,group_id:g,topic:t,partition:2",
      "histogram producer.produce.message_size 5 client:c,topic:t", "count async_producer.dropped_messages 4 client:c",
      "count consumer.process_message.errors 1 client:c,group_id:g,topic:t,partition:2"
    )
    calls = run({ "datadog/statsd.rb" => client },
                "require \"kafka/datadog\"; Kafka::Datadog.socket_path = \"/s\"; Kafka::Datadog.namespace = \"n\"")
    expect(calls.first).to include("/s").and include("\"n\"")
  end

  it "have ruby-kafka's names and labels in Prometheus" do
    client = <<~RUBY
      module Prometheus
        module Client
          def self.registry = @registry ||= Registry.new
          class Registry
            def exist?(_) = false
            %i[counter gauge histogram].each { |kind| define_method(kind) { |name, docstring:, labels:, buckets: nil| Metric.new(kind, name, labels) } }
          end
          Metric = Struct.new(:kind, :name, :labels_known) do
            def say(value, labels) = CALLS << "\#{kind} \#{name} \#{value.is_a?(Integer) ? value : "x"} \#{labels.values.join(",")}"
            def increment(by:, labels:) = say(by, labels)
            def set(value, labels:) = say(value, labels)
            def observe(value, labels:) = say(value, labels)
          end
        end
      end
    RUBY
    calls = run({ "prometheus/client.rb" => client }, "require \"kafka/prometheus\"; Kafka::Prometheus.start")
    expect(calls).to include(
      "gauge consumer_offset_lag 7 c,g,t,2", match(/\Agauge consumer_time_lag \d+ c,g,t,2\z/),
      "counter consumer_process_messages 1 c,g,t,2",
      "histogram consumer_process_message_latency x c,g,t,2", "counter producer_produced_messages 1 c,t",
      "histogram producer_message_size 5 c,t", "counter producer_delivered_messages 2 c", "counter async_producer_dropped_messages 4 c",
      "counter consumer_process_message_errors 1 c,g,t,2"
    )
  end

  it "say which gem they need" do
    %w[statsd:statsd-ruby datadog:dogstatsd-ruby prometheus:prometheus-client].each do |pair|
      name, gem = pair.split(":")
      script = "begin; require \"kafka/#{name}\"; rescue LoadError => e; puts e.message; exit; end"
      expect(run({}, script)).to eq(["kafka/#{name} needs the gem #{gem}: add `gem \"#{gem}\"` to the Gemfile"])
    end
  end
end

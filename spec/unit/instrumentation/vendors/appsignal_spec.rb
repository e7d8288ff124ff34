# frozen_string_literal: true

require "support/fake_lease"
require "support/routes"

# The gem is a stand-in with the methods of AppSignal that its public documentation names.
RSpec.describe Karafka::Instrumentation::Vendors::Appsignal do
  include OneTopic

  let(:sent) { [] }
  let(:client) do
    sent = self.sent
    transaction = Class.new do
      define_singleton_method(:create) { |namespace| (sent << [:create, namespace]) && new }
      define_singleton_method(:complete_current!) { sent << [:complete] }
      %i[set_action_if_nil set_queue_start add_tags].each { |name| define_method(name) { |value| sent << [name, value] } }
    end
    appsignal = Class.new do
      %i[increment_counter set_gauge add_distribution_value].each do |name|
        define_singleton_method(name) { |*arguments| sent << [name, *arguments] }
      end
      define_singleton_method(:set_error) { |error| sent << [:set_error, error] }
      define_singleton_method(:report_error) { |error, &block| (sent << [:report_error, error]) && block.call(transaction.new) }
    end
    appsignal.const_set(:Transaction, transaction)
    appsignal
  end
  let(:consumer_class) { stub_const("OrdersConsumer", Class.new(Karafka::BaseConsumer) { def consume; end }) }
  let(:coordinator) { Karafka::Coordinator.new(route(consumer_class)) }
  let(:tags) { { topic: "orders", partition: 0, consumer_group: "app" } }

  def run(lease)
    assignment = coordinator.fetch(lease)
    assignment.public_send(lease.kind, lease)
    assignment.consumer
  end

  describe described_class::ErrorsListener do
    it "reports errors of consumers with their place, and others" do
      Karafka.monitor.subscribe(described_class.new { |config| config.client = client })
      consumer = run(FakeLease.new(%w[1]))
      error = ArgumentError.new("bad")
      Karafka::Instrumentation::Safely.error(error, "consumer.consume.error", caller: consumer)
      Karafka::Instrumentation::Safely.error(error, "librdkafka.error")
      expect(sent).to eq([[:report_error, error], [:add_tags, { type: "consumer.consume.error", **tags }],
                          [:report_error, error], [:add_tags, { type: "librdkafka.error" }]])
    end

    it "takes a producer's errors" do
      producer = WaterDrop::Instrumentation::Monitor.new
      producer.subscribe(described_class.new { |config| config.client = client })
      producer.instrument("error.occurred", error: ArgumentError.new("bad"), type: "message.produce_sync")
      expect(sent.last).to eq([:add_tags, { type: "message.produce_sync" }])
    end

    it "says that the gem is missing" do
      hide_const("Appsignal")
      expect { described_class.new.client }.to raise_error(Karafka::Errors::InvalidConfigurationError, /needs the gem appsignal/)
    end
  end

  describe described_class::MetricsListener do
    before { Karafka.monitor.subscribe(described_class.new { |config| config.client = client }) }

    it "has a transaction for each batch, and counts what was processed" do
      run(FakeLease.new(%w[1 2], first_offset: 5))
      expect(sent).to include([:create, "consumer"], [:set_action_if_nil, "OrdersConsumer#consume"], [:add_tags, tags],
                              [:increment_counter, "karafka_consumer_messages", 2, tags],
                              [:set_gauge, "karafka_consumer_offset", 6, tags])
      expect(sent.last).to eq([:complete])
    end

    it "ends the transaction of a batch that failed with its error" do
      consumer = run(FakeLease.new(%w[1]))
      sent.clear
      error = ArgumentError.new("bad")
      Karafka::Instrumentation::Safely.error(error, "consumer.consume.error", caller: consumer)
      expect(sent).to eq([[:increment_counter, "karafka_consumer_errors", 1, { **tags, type: "consumer.consume.error" }],
                          [:set_error, error], [:complete]])
    end

    it "sends lags of librdkafka's statistics, without unknown ones" do
      partitions = { "0" => { "consumer_lag_stored" => 7 }, "1" => { "consumer_lag_stored" => -1 }, "-1" => {} }
      brokers = { "a" => { "nodeid" => 1, "nodename" => "b1:9092", "txerrs_d" => 2, "rtt" => { "p95" => 20 } }, "b" => { "nodeid" => -1 } }
      Karafka.monitor.instrument("statistics.emitted", consumer_group_id: "app", statistics: {
                                   "rxmsgs_d" => 5, "brokers" => brokers, "topics" => { "orders" => { "partitions" => partitions } }
                                 })
      expect(sent).to eq(
        [[:increment_counter, "karafka_messages_consumed", 5, { consumer_group: "app" }],
         [:increment_counter, "karafka_transmission_errors", 2, { consumer_group: "app", broker: "b1:9092" }],
         [:set_gauge, "karafka_network_latency_p95", 20, { consumer_group: "app", broker: "b1:9092" }],
         [:set_gauge, "karafka_consumer_lag", 7, { consumer_group: "app", topic: "orders", partition: 0 }],
         [:set_gauge, "karafka_consumer_aggregated_lag", 7, { consumer_group: "app", topic: "orders" }]]
      )
    end
  end
end

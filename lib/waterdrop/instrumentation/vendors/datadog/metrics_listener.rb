# frozen_string_literal: true

require "waterdrop"
# By path, as WaterDrop loads without the rest of Karafka.
require_relative "../../../../karafka/instrumentation/vendors/datadog/reporting"

module WaterDrop
  module Instrumentation
    module Vendors
      module Datadog
        # Sends what a producer does to Datadog, or any other agent of StatsD, under the names of WaterDrop 2.x.
        #
        # @example
        #   listener = WaterDrop::Instrumentation::Vendors::Datadog::MetricsListener.new do |config|
        #     config.client = Datadog::Statsd.new("localhost", 8125)
        #   end
        #   producer.monitor.subscribe(listener)
        class MetricsListener
          include Karafka::Instrumentation::Vendors::Datadog::Reporting

          RdKafkaMetric = Karafka::Instrumentation::Vendors::Datadog::Reporting::RdKafkaMetric

          # What is sent of librdkafka's statistics unless `rd_kafka_metrics` says otherwise.
          RD_KAFKA_METRICS = [
            [:count, :root, "calls", "tx_d"],
            [:histogram, :root, "queue.size", "msg_cnt"],
            [:count, :brokers, "deliver.attempts", "txretries_d"],
            [:count, :brokers, "deliver.errors", "txerrs_d"],
            [:count, :brokers, "receive.errors", "rxerrs_d"],
            [:gauge, :brokers, "queue.latency.avg", %w[outbuf_latency avg]],
            [:gauge, :brokers, "queue.latency.p95", %w[outbuf_latency p95]],
            [:gauge, :brokers, "queue.latency.p99", %w[outbuf_latency p99]],
            [:gauge, :brokers, "network.latency.avg", %w[rtt avg]],
            [:gauge, :brokers, "network.latency.p95", %w[rtt p95]],
            [:gauge, :brokers, "network.latency.p99", %w[rtt p99]]
          ].map { |values| RdKafkaMetric.new(*values).freeze }.freeze

          # @yieldparam config [MetricsListener] `client`, `namespace`, `default_tags`, `rd_kafka_metrics`, `distribution_mode`
          # @raise [Karafka::Errors::InvalidConfigurationError]
          def initialize(&)
            configure("waterdrop", RD_KAFKA_METRICS, &)
          end

          # @param event [Karafka::Instrumentation::Event]
          # @return [void]
          def on_error_occurred(event)
            count("error_occurred", 1, ["type:#{event[:type]}"])
          end

          # @param event [Karafka::Instrumentation::Event]
          # @return [void]
          def on_message_acknowledged(event)
            count("acknowledged", 1, ["topic:#{event[:topic]}"])
          end

          # What calls have taken.
          { produced_sync: "produced_sync", produced_async: "produced_async", buffered: "buffered" }.each do |event, name|
            define_method(:"on_message_#{event}") { |it| count(name, 1, ["topic:#{it[:message][:topic]}"]) }
            define_method(:"on_messages_#{event}") { |it| by_topic(name, it[:messages]) }
          end

          { sync: "flushed_sync", async: "flushed_async" }.each do |way, name|
            define_method(:"on_buffer_flushed_#{way}") { |it| by_topic(name, it[:messages]) }
          end

          # @param event [Karafka::Instrumentation::Event]
          # @return [void]
          def on_statistics_emitted(event)
            rd_kafka_metrics.each { |metric| send(:"report_#{metric.scope}", metric, event[:statistics], []) }
          end

          private

          def by_topic(name, messages)
            messages.map { |message| message[:topic].to_s }.tally.each { |topic, number| count(name, number, ["topic:#{topic}"]) }
          end

          # A number of each partition, where `rd_kafka_metrics` names one.
          def report_topics(metric, statistics, tags)
            statistics.fetch("topics", {}).each do |topic, details|
              details.fetch("partitions", {}).each do |number, partition|
                next if number == "-1"

                report(metric, partition.dig(*metric.key_location), tags + ["topic:#{topic}", "partition:#{number}"])
              end
            end
          end
        end
      end
    end
  end
end

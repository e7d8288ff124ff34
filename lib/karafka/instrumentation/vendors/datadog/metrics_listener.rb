# frozen_string_literal: true

module Karafka
  module Instrumentation
    module Vendors
      module Datadog
        # Sends metrics to Datadog, or any other StatsD agent, under the names of Karafka 2.x.
        #
        # @example
        #   listener = Karafka::Instrumentation::Vendors::Datadog::MetricsListener.new do |config|
        #     config.client = Datadog::Statsd.new("localhost", 8125)
        #     config.default_tags = ["host:#{Socket.gethostname}"]
        #   end
        #   Karafka.monitor.subscribe(listener)
        class MetricsListener
          include Reporting

          RdKafkaMetric = Reporting::RdKafkaMetric

          # What is sent of librdkafka's statistics unless `rd_kafka_metrics` says otherwise.
          RD_KAFKA_METRICS = [
            [:count, :root, "messages.consumed", "rxmsgs_d"],
            [:count, :root, "messages.consumed.bytes", "rxmsg_bytes_d"],
            [:count, :brokers, "consume.attempts", "txretries_d"],
            [:count, :brokers, "consume.errors", "txerrs_d"],
            [:count, :brokers, "receive.errors", "rxerrs_d"],
            [:count, :brokers, "connection.connects", "connects_d"],
            [:count, :brokers, "connection.disconnects", "disconnects_d"],
            [:gauge, :brokers, "network.latency.avg", %w[rtt avg]],
            [:gauge, :brokers, "network.latency.p95", %w[rtt p95]],
            [:gauge, :brokers, "network.latency.p99", %w[rtt p99]],
            [:gauge, :topics, "consumer.lags", "consumer_lag_stored"],
            [:gauge, :topics, "consumer.lags_delta", "consumer_lag_stored_d"]
          ].map { |values| RdKafkaMetric.new(*values).freeze }.freeze

          # What comes with each batch.
          ARRIVED = [[:spread, "listener.polling.time_taken", 3], [:spread, "listener.polling.messages"]].freeze
          BEGUN = [[:gauge, "worker.total_threads"], [:spread, "worker.processing"]].freeze
          ENDED = [[:spread, "worker.processing"]].freeze
          CONSUMED = [
            [:count, "consumer.messages"], [:count, "consumer.batches"], [:gauge, "consumer.offset"],
            [:spread, "consumer.consumed.time_taken", 3], [:spread, "consumer.batch_size"], [:spread, "consumer.processing_lag"],
            [:spread, "consumer.consumption_lag"]
          ].freeze
          private_constant :ARRIVED, :BEGUN, :ENDED, :CONSUMED

          # @yieldparam config [MetricsListener] `client`, `namespace`, `default_tags`, `rd_kafka_metrics`, `distribution_mode`
          # @raise [Errors::InvalidConfigurationError]
          def initialize(&)
            @mutex = Mutex.new
            @busy = 0
            configure("karafka", RD_KAFKA_METRICS, &)
          end

          # @param event [Event]
          # @return [void]
          def on_connection_listener_fetch_loop_received(event)
            arrived = @by_group[event[:subscription_group]] ||=
              form(ARRIVED, [*default_tags, "consumer_group:#{event[:consumer_group_id]}"].freeze)
            arrived.report(event[:time], event[:messages_buffer].size)
          end

          # @param event [Event]
          # @return [void]
          def on_consumer_consumed(event)
            consumer = event[:caller]
            messages = consumer.messages
            size = messages.size
            offset, processing_lag, consumption_lag = messages.figures
            consumed = (@by_partition[consumer.topic] ||= {})[consumer.partition] ||= form(CONSUMED, tags_of(consumer))
            consumed.report(size, 1, offset, event[:time], size, processing_lag, consumption_lag)
          end

          { revoked: "consumer.revoked", shutdown: "consumer.shutdown" }.each do |event, name|
            define_method(:"on_consumer_#{event}") { |it| count(name, 1, tags: tags_of(it[:caller])) }
          end

          # @param event [Event]
          # @return [void]
          def on_error_occurred(event)
            caller = event[:caller]
            count("error_occurred", 1, ["type:#{event[:type]}", *(place_of(caller) if caller.is_a?(BaseConsumer))])
          end

          # @param _event [Event]
          # @return [void]
          def on_worker_process(_event)
            busy = @mutex.synchronize { @busy += 1 }
            (@begun ||= form(BEGUN, default_tags)).report(App.config.concurrency, busy)
          end

          # @param _event [Event]
          # @return [void]
          def on_worker_processed(_event)
            busy = @mutex.synchronize { @busy = [@busy - 1, 0].max }
            (@ended ||= form(ENDED, default_tags)).report(busy)
          end

          # @param event [Event]
          # @return [void]
          def on_statistics_emitted(event)
            group = ["consumer_group:#{event[:consumer_group_id]}"]
            rd_kafka_metrics.each { |metric| send(:"report_#{metric.scope}", metric, event[:statistics], group) }
            report_aggregated(event[:statistics], group) if rd_kafka_metrics.any? { |metric| metric.name == "consumer.lags" }
          end

          private

          def report_topics(metric, statistics, group)
            partitions(statistics) do |topic, number, partition|
              value = partition.dig(*metric.key_location)
              # Unknown, not 0.
              next if metric.type == :gauge && metric.key_location == "consumer_lag_stored" && value.to_i.negative?

              report(metric, value, group + ["topic:#{topic}", "partition:#{number}"])
            end
          end

          def report_aggregated(statistics, group)
            sums = Hash.new(0)
            partitions(statistics) do |topic, _, partition|
              lag = partition["consumer_lag_stored"]
              sums[topic] += lag if lag && !lag.negative?
            end
            sums.each { |topic, lag| gauge("consumer.aggregated_lag", lag, group + ["topic:#{topic}"]) }
          end

          def partitions(statistics)
            statistics.fetch("topics", {}).each do |topic, details|
              details.fetch("partitions", {}).each do |number, partition|
                # Of the client itself, or of another member.
                next if number == "-1" || %w[none stopped].include?(partition["fetch_state"])

                yield topic, number, partition
              end
            end
          end

          def tags_of(consumer)
            [*default_tags, *place_of(consumer)].freeze
          end

          def place_of(consumer)
            ["topic:#{consumer.topic.name}", "partition:#{consumer.partition}", "consumer_group:#{consumer.topic.consumer_group.id}"]
          end

          def forget_tags
            @by_partition = {}.compare_by_identity
            @by_group = {}.compare_by_identity
            @begun = @ended = nil
          end
        end
      end
    end
  end
end

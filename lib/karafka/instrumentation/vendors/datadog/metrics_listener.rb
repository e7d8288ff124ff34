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
            tags = @by_group[event[:consumer_group_id]] ||= [*default_tags, "consumer_group:#{event[:consumer_group_id]}"].freeze
            spread("listener.polling.time_taken", event[:time], tags: tags)
            spread("listener.polling.messages", event[:messages_buffer].size, tags: tags)
          end

          # @param event [Event]
          # @return [void]
          def on_consumer_consumed(event)
            consumer = event[:caller]
            metadata = consumer.messages.metadata
            size = consumer.messages.size
            tags = tags_of(consumer)
            count("consumer.messages", size, tags: tags)
            count("consumer.batches", 1, tags: tags)
            gauge("consumer.offset", metadata.last_offset, tags: tags)
            spread("consumer.consumed.time_taken", event[:time], tags: tags)
            spread("consumer.batch_size", size, tags: tags)
            spread("consumer.processing_lag", metadata.processing_lag, tags: tags)
            spread("consumer.consumption_lag", metadata.consumption_lag, tags: tags)
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
            gauge("worker.total_threads", App.config.concurrency, tags: default_tags)
            spread("worker.processing", busy, tags: default_tags)
          end

          # @param _event [Event]
          # @return [void]
          def on_worker_processed(_event)
            busy = @mutex.synchronize { @busy = [@busy - 1, 0].max }
            spread("worker.processing", busy, tags: default_tags)
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

          # All tags of a partition: the same list for each of its batches.
          def tags_of(consumer)
            (@by_partition[consumer.topic] ||= {})[consumer.partition] ||= [*default_tags, *place_of(consumer)].freeze
          end

          def place_of(consumer)
            ["topic:#{consumer.topic.name}", "partition:#{consumer.partition}", "consumer_group:#{consumer.topic.consumer_group.id}"]
          end

          def forget_tags
            @by_partition = {}.compare_by_identity
            @by_group = {}
          end
        end
      end
    end
  end
end

# frozen_string_literal: true

require "socket"

module Karafka
  module Instrumentation
    module Vendors
      module Appsignal
        # Sends metrics to AppSignal, and a transaction for each batch.
        #
        # @example
        #   Karafka.monitor.subscribe(Karafka::Instrumentation::Vendors::Appsignal::MetricsListener.new)
        class MetricsListener < Base
          # Of librdkafka's brokers, as numbers since the last time.
          BROKERS = {
            "requests_retries" => "txretries_d", "transmission_errors" => "txerrs_d", "receive_errors" => "rxerrs_d",
            "connection_connects" => "connects_d", "connection_disconnects" => "disconnects_d"
          }.freeze
          private_constant :BROKERS

          # @param _event [Event]
          # @return [void]
          def on_app_running(_event)
            client.set_gauge(name_of("processes_count"), 1, { hostname: Socket.gethostname, pid: ::Process.pid })
            client.set_gauge(name_of("threads_count"), App.config.concurrency, { hostname: Socket.gethostname, pid: ::Process.pid })
          end

          # @param event [Event]
          # @return [void]
          def on_consumer_consume(event)
            consumer = event[:caller]
            transaction = client.const_get(:Transaction).create("consumer")
            transaction.set_action_if_nil("#{consumer.class}#consume")
            created_at = consumer.messages.metadata.created_at
            transaction.set_queue_start((created_at.to_f * 1_000).to_i) if created_at
            transaction.add_tags(tags_of(consumer))
          end

          # @param event [Event]
          # @return [void]
          def on_consumer_consumed(event)
            consumer = event[:caller]
            tags = tags_of(consumer)
            metadata = consumer.messages.metadata
            count("consumer_messages", consumer.messages.size, tags)
            count("consumer_batches", 1, tags)
            client.set_gauge(name_of("consumer_offset"), metadata.last_offset, tags)
            spread("consumer_processing_lag", metadata.processing_lag, tags)
            spread("consumer_consumption_lag", metadata.consumption_lag, tags)
          ensure
            complete
          end

          # @param event [Event]
          # @return [void]
          def on_error_occurred(event)
            caller = event[:caller]
            return count("errors", 1, { type: event[:type] }) unless caller.is_a?(BaseConsumer)

            count("consumer_errors", 1, tags_of(caller).merge(type: event[:type]))
            return unless event[:type] == "consumer.consume.error"

            client.set_error(event[:error])
            complete
          end

          # @param event [Event]
          # @return [void]
          def on_dead_letter_queue_dispatched(event)
            count("consumer_dead", 1, tags_of(event[:caller]))
          end

          # @param event [Event]
          # @return [void]
          def on_statistics_emitted(event)
            statistics = event[:statistics]
            group = { consumer_group: event[:consumer_group_id] }
            count("messages_consumed", statistics["rxmsgs_d"], group)
            count("messages_consumed_bytes", statistics["rxmsg_bytes_d"], group)
            statistics.fetch("brokers", {}).each_value { |broker| report_broker(broker, group) }
            statistics.fetch("topics", {}).each { |topic, details| report_topic(topic, details, group) }
          end

          private

          def report_broker(broker, group)
            return if broker["nodeid"] == -1

            tags = group.merge(broker: broker["nodename"])
            BROKERS.each { |name, key| count(name, broker[key], tags) }
            p95 = broker.dig("rtt", "p95")
            client.set_gauge(name_of("network_latency_p95"), p95, tags) if p95
          end

          def report_topic(topic, details, group)
            lags = details.fetch("partitions", {}).filter_map do |number, partition|
              lag = partition["consumer_lag_stored"]
              next if number == "-1" || lag.nil? || lag.negative?

              client.set_gauge(name_of("consumer_lag"), lag, group.merge(topic: topic, partition: number.to_i))
              lag
            end
            client.set_gauge(name_of("consumer_aggregated_lag"), lags.sum, group.merge(topic: topic)) if lags.any?
          end

          def complete
            client.const_get(:Transaction).complete_current!
          end

          def count(name, value, tags)
            client.increment_counter(name_of(name), value, tags) if value
          end

          def spread(name, value, tags)
            client.add_distribution_value(name_of(name), value, tags) if value
          end

          def name_of(name)
            "#{namespace}_#{name}"
          end
        end
      end
    end
  end
end

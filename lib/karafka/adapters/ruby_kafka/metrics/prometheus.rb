# frozen_string_literal: true

begin
  require "prometheus/client"
rescue LoadError
  raise LoadError, "kafka/prometheus needs the gem prometheus-client: add `gem \"prometheus-client\"` to the Gemfile"
end
require_relative "table"

module Kafka
  # Reports to Prometheus from {start} on, with ruby-kafka's names, such as `consumer_offset_lag`.
  module Prometheus
    # Where the name is not simply AREA_NAME.
    NAMES = {
      "consumer_lag" => "consumer_offset_lag", "consumer_messages" => "consumer_process_messages",
      "producer_produce_messages" => "producer_produced_messages", "producer_produce_message_size" => "producer_message_size",
      "producer_deliver_messages" => "producer_delivered_messages", "async_producer_queue_fill_ratio" => "async_producer_queue_fill_ratio"
    }.freeze
    SIZE_BUCKETS = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000].freeze
    LATENCY_BUCKETS = [0.0001, 0.001, 0.01, 0.1, 1.0, 10, 100, 1_000].freeze
    private_constant :NAMES

    class << self
      # @return [::Prometheus::Client::Registry]
      attr_accessor :registry

      # @param registry [::Prometheus::Client::Registry]
      # @return [void]
      def start(registry = ::Prometheus::Client.registry)
        @registry = registry
        @lock ||= Mutex.new
        @metrics = {}
        @subscriber ||= Metrics.subscribe { |measurement| report(measurement) }
        nil
      end

      # @api private
      # @param measurement [Object]
      # @return [void]
      def report(measurement)
        labels = measurement.tags.transform_keys { |tag| tag == :client_id ? :client : tag }
        metric = @lock.synchronize { @metrics[[measurement.area, measurement.name]] ||= registered(measurement, labels.keys) }
        case measurement.kind
        when :count then metric.increment(by: measurement.value, labels: labels)
        when :gauge then metric.set(measurement.value, labels: labels)
        else metric.observe(measurement.value, labels: labels)
        end
      end

      private

      def registered(measurement, labels)
        plain = "#{measurement.area}_#{measurement.name.tr(".", "_")}"
        name = NAMES.fetch(plain, plain).to_sym
        text = "#{measurement.name} of the #{measurement.area.tr("_", " ")}"
        return @registry.get(name) if @registry.exist?(name)

        case measurement.kind
        when :count then @registry.counter(name, docstring: text, labels: labels)
        when :gauge then @registry.gauge(name, docstring: text, labels: labels)
        else @registry.histogram(name, docstring: text, labels: labels, buckets: measurement.kind == :time ? LATENCY_BUCKETS : SIZE_BUCKETS)
        end
      end
    end
  end
end

# frozen_string_literal: true

begin
  require "datadog/statsd"
rescue LoadError
  raise LoadError, "kafka/datadog needs the gem dogstatsd-ruby: add `gem \"dogstatsd-ruby\"` to the Gemfile"
end
require_relative "table"

module Kafka
  # Reports to Datadog from the moment it is required, with ruby-kafka's names, such as `consumer.lag`, and tags.
  module Datadog
    STATSD_NAMESPACE = "ruby_kafka"

    @namespace = STATSD_NAMESPACE
    @tags = []

    class << self
      # @return [String]
      attr_reader :namespace
      # @return [String, nil] nil: DD_AGENT_HOST, or 127.0.0.1
      attr_reader :host
      # @return [Integer, nil] nil: DD_DOGSTATSD_PORT, or 8125
      attr_reader :port
      # @return [String, nil] instead of host and port
      attr_reader :socket_path
      # @return [Array<String>] of each metric
      attr_reader :tags

      %i[namespace host port socket_path tags].each do |name|
        define_method(:"#{name}=") do |value|
          instance_variable_set(:"@#{name}", value)
          close
        end
      end

      # @return [::Datadog::Statsd]
      def statsd
        @statsd ||= if socket_path then ::Datadog::Statsd.new(socket_path: socket_path, namespace: namespace, tags: tags)
                    else
                      ::Datadog::Statsd.new(host, port, namespace: namespace, tags: tags)
                    end
      end

      # @param client [::Datadog::Statsd] one of the application's
      # @return [void]
      def statsd=(client)
        close
        @statsd = client
      end

      # @return [void]
      def close
        @statsd&.close
        @statsd = nil
      end

      # @api private
      # @param measurement [Object]
      # @return [void]
      def report(measurement)
        name = "#{measurement.area}.#{measurement.name}"
        tags = measurement.tags.map { |tag, value| "#{tag == :client_id ? :client : tag}:#{value}" }
        case measurement.kind
        when :count then statsd.count(name, measurement.value, tags: tags)
        when :gauge then statsd.gauge(name, measurement.value, tags: tags)
        when :time then statsd.timing(name, measurement.value, tags: tags)
        else statsd.histogram(name, measurement.value, tags: tags)
        end
      end
    end

    Metrics.subscribe { |measurement| report(measurement) }
  end
end

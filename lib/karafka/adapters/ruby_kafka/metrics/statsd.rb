# frozen_string_literal: true

begin
  require "statsd"
rescue LoadError
  raise LoadError, "kafka/statsd needs the gem statsd-ruby: add `gem \"statsd-ruby\"` to the Gemfile"
end
require_relative "table"

module Kafka
  # Reports to Statsd from the moment it is required, with ruby-kafka's names: `consumer.CLIENT.GROUP.TOPIC.PARTITION.lag`, …
  module Statsd
    DEFAULT_NAMESPACE = "ruby_kafka"
    DEFAULT_HOST = "127.0.0.1"
    DEFAULT_PORT = 8125

    @namespace = DEFAULT_NAMESPACE
    @host = DEFAULT_HOST
    @port = DEFAULT_PORT

    class << self
      # @return [String]
      attr_reader :namespace, :host
      # @return [Integer]
      attr_reader :port

      %i[namespace host port].each do |name|
        define_method(:"#{name}=") do |value|
          instance_variable_set(:"@#{name}", value)
          @statsd = nil
        end
      end

      # @return [::Statsd]
      def statsd = @statsd ||= ::Statsd.new(host, port).tap { |client| client.namespace = namespace }

      # @api private
      # @param measurement [Object]
      # @return [void]
      def report(measurement)
        parts = measurement.tags.values.map { |value| value.to_s.gsub(/[.:|@]/, "_") }
        name = [measurement.area, *parts, measurement.name].join(".")
        case measurement.kind
        when :count then statsd.count(name, measurement.value)
        when :gauge then statsd.gauge(name, measurement.value)
        else statsd.timing(name, measurement.value)
        end
      end
    end

    Metrics.subscribe { |measurement| report(measurement) }
  end
end

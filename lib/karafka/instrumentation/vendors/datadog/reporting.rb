# frozen_string_literal: true

module Karafka
  module Instrumentation
    module Vendors
      module Datadog
        # What listeners that send metrics have in common: settings, librdkafka's statistics, names and tags.
        # @api private
        module Reporting
          # A number of librdkafka's statistics: `type` is :count, :gauge or :histogram, `scope` :root, :brokers or :topics, `name` that of
          # the metric, `key_location` one key or several.
          RdKafkaMetric = Struct.new(:type, :scope, :name, :key_location)

          # A form for clients that have none.
          OneByOne = Struct.new(:metrics, :tags, :reporter) do
            def report(*values)
              metrics.zip(values) { |(kind, name), value| reporter.call(kind, name, value, tags: tags) }
            end
          end
          private_constant :OneByOne

          # @return [String, nil] comes before all names, with a dot
          attr_reader :namespace
          # @return [Array<String>] such as "env:production"
          attr_reader :default_tags
          # @return [Array<RdKafkaMetric>]
          attr_accessor :rd_kafka_metrics
          # @return [Symbol] :histogram or :distribution
          attr_reader :distribution_mode

          # @param text [String, nil]
          def namespace=(text)
            @namespace = text
            prefix = "#{text}." unless text.to_s.empty?
            @names = Hash.new { |known, name| known[name] = "#{prefix}#{name}".freeze }
            forget_tags
          end

          # @param tags [Array<String>]
          def default_tags=(tags)
            @default_tags = tags.dup.freeze
            forget_tags
          end

          # @yieldparam config [MetricsListener]
          # @return [void]
          def setup
            yield self
          end

          # @param client [#count, #gauge, #histogram, #distribution] by default {Statsd}, which needs no gem
          def client=(client)
            @client = client
            forget_tags
          end

          # @return [#count, #gauge, #histogram, #distribution]
          # @raise [Errors::InvalidConfigurationError] there is none, and Karafka with its own is not loaded
          def client
            @client ||= defined?(Statsd) ? Statsd.new : without_client
          end

          # @param mode [Symbol] :distribution is computed by Datadog over all hosts, :histogram by each agent
          # @raise [Errors::InvalidConfigurationError]
          def distribution_mode=(mode)
            unless %i[histogram distribution].include?(mode)
              raise Errors::InvalidConfigurationError, "distribution_mode is #{mode.inspect}, but must be :histogram or :distribution"
            end

            @distribution_mode = mode
            forget_tags
          end

          private

          # Metrics that always come together. Only our own client has forms, and a listener that inherits may see to each metric itself.
          # @param metrics [Array<Array(Symbol, String, Integer)>] :count, :gauge or :spread, names without the namespace, and digits
          #   behind the point
          # @param tags [Array<String>] all of them
          # @return [#report] takes the values
          def form(metrics, tags)
            own = %i[count gauge spread histogram distribution].any? { |kind| method(kind).owner != Reporting }
            return OneByOne.new(metrics, tags, method(:send)) if own || !(defined?(Statsd) && client.instance_of?(Statsd))

            metrics = metrics.map { |kind, name, digits| [kind == :spread ? distribution_mode : kind, name_of(name), digits] }
            client.form(metrics, tags: tags)
          end

          def configure(namespace, metrics, &block)
            self.namespace = namespace
            self.default_tags = []
            @rd_kafka_metrics = metrics
            @distribution_mode = :histogram
            setup(&block) if block
          end

          def without_client
            raise Errors::InvalidConfigurationError,
                  "client is nil, but must be a StatsD client: MetricsListener.new { |config| config.client = Datadog::Statsd.new }, " \
                  "or require \"karafka\", which has one"
          end

          def report_root(metric, statistics, tags)
            report(metric, statistics.dig(*metric.key_location), tags)
          end

          def report_brokers(metric, statistics, tags)
            statistics.fetch("brokers", {}).each_value do |broker|
              # The addresses of "bootstrap.servers" are the same brokers once more.
              next if broker["nodeid"] == -1

              report(metric, broker.dig(*metric.key_location), tags + ["broker:#{broker["nodename"]}"])
            end
          end

          def report(metric, value, tags)
            return unless value

            case metric.type
            when :count then count(metric.name, value, tags)
            when :gauge then gauge(metric.name, value, tags)
            else spread(metric.name, value, tags)
            end
          end

          # Listeners that inherit give all of the tags by name, also `default_tags`, as Karafka's guide shows.
          def count(name, value, more = [], tags: default_tags + more) = client.count(name_of(name), value, tags: tags)
          def gauge(name, value, more = [], tags: default_tags + more) = client.gauge(name_of(name), value, tags: tags)
          def histogram(name, value, more = [], tags: default_tags + more) = client.histogram(name_of(name), value, tags: tags)
          def distribution(name, value, more = [], tags: default_tags + more) = client.distribution(name_of(name), value, tags: tags)

          def spread(name, value, more = [], tags: default_tags + more)
            return unless value

            distribution_mode == :histogram ? histogram(name, value, tags: tags) : distribution(name, value, tags: tags)
          end

          # For listeners that keep lists of tags which have the default ones.
          def forget_tags; end

          def name_of(name)
            @names[name]
          end
        end
      end
    end
  end
end

# frozen_string_literal: true

module Karafka
  module Instrumentation
    module Vendors
      module Datadog
        # Opens a span of Datadog's tracer for each call of a consumer, and tags the lines that are logged within it with the trace where
        # the logger has tags. It writes no lines of its own: subscribe {Instrumentation::LoggerListener} as well.
        #
        # @example
        #   Karafka.monitor.subscribe(
        #     Karafka::Instrumentation::Vendors::Datadog::LoggerListener.new { |config| config.client = Datadog::Tracing }
        #   )
        class LoggerListener
          # @return [#trace, #log_correlation, nil] such as Datadog::Tracing
          attr_accessor :client
          # @return [String, nil] the service of the spans; nil: the tracer's
          attr_accessor :service_name

          # @yieldparam config [LoggerListener] `client`, `service_name`
          # @raise [Errors::InvalidConfigurationError] there is no client
          def initialize(&block)
            setup(&block) if block
            return if client.respond_to?(:trace)

            raise Errors::InvalidConfigurationError,
                  "client is #{client.inspect}, but must be a tracer: LoggerListener.new { |config| config.client = Datadog::Tracing }"
          end

          # @yieldparam config [LoggerListener]
          # @return [void]
          def setup
            yield self
          end

          # @param event [Event]
          # @return [void]
          def on_worker_process(event)
            job = event[:job]
            span = client.trace("karafka.consumer", **({ service: service_name } if service_name).to_h)
            span.resource = "#{job.assignment.topic.declared_consumer}##{job.kind}"
            { "topic" => job.topic, "partition" => job.partition }.each { |name, value| span.set_tag(name, value) }
            Thread.current[:karafka_datadog_span] = span
            push_tags
          end

          # @param _event [Event]
          # @return [void]
          def on_worker_completed(_event)
            span = Thread.current[:karafka_datadog_span] or return
            Thread.current[:karafka_datadog_span] = nil
            pop_tags
            span.finish
          end

          # @param event [Event]
          # @return [void]
          def on_error_occurred(event)
            Thread.current[:karafka_datadog_span]&.set_error(event[:error])
          end

          private

          def push_tags
            return unless client.respond_to?(:log_correlation) && Karafka.logger.respond_to?(:push_tags)

            Karafka.logger.push_tags(client.log_correlation)
            Thread.current[:karafka_datadog_tagged] = true
          end

          def pop_tags
            return unless Thread.current[:karafka_datadog_tagged]

            Thread.current[:karafka_datadog_tagged] = nil
            Karafka.logger.pop_tags
          end
        end
      end
    end
  end
end

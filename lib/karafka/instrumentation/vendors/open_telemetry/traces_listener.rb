# frozen_string_literal: true

module Karafka
  module Instrumentation
    module Vendors
      module OpenTelemetry
        # A span for each batch, with links to the spans that sent its messages. It is the current one while `consume` runs, so whatever
        # that code does is below it.
        class TracesListener
          # More links than this no SDK keeps by default.
          MOST_LINKS = 128
          KEY = :karafka_open_telemetry
          private_constant :MOST_LINKS, :KEY

          # @raise [Errors::InvalidConfigurationError] no SDK is loaded
          def initialize
            @tracer = OpenTelemetry.tracer
          end

          # @param event [Event]
          # @return [void]
          def on_consumer_consume(event)
            finish
            consumer = event[:caller]
            span = @tracer.start_root_span("process #{consumer.topic.name}", kind: :consumer, attributes: attributes(consumer),
                                                                             links: links(consumer.messages))
            token = api::Context.attach(api::Trace.context_with_span(span))
            Thread.current[KEY] = [span, token]
          end

          # @param _event [Event]
          # @return [void]
          def on_consumer_consumed(_event)
            finish
          end

          # @param event [Event]
          # @return [void]
          def on_error_occurred(event)
            span, = Thread.current[KEY]
            return unless span && event[:type] == "consumer.consume.error"

            span.record_exception(event[:error])
            span.status = api::Trace::Status.error(event[:error].class.name)
            finish
          end

          # For a call that ended in another way, such as by a kill.
          # @param _event [Event]
          # @return [void]
          def on_worker_completed(_event)
            finish
          end

          private

          def api = OpenTelemetry.sdk

          def finish
            span, token = Thread.current[KEY]
            return unless span

            Thread.current[KEY] = nil
            api::Context.detach(token)
            span.finish
          end

          def attributes(consumer)
            {
              "messaging.system" => "kafka", "messaging.operation.name" => "process", "messaging.operation.type" => "process",
              "messaging.destination.name" => consumer.topic.name, "messaging.destination.partition.id" => consumer.partition.to_s,
              "messaging.consumer.group.name" => consumer.topic.consumer_group.id,
              "messaging.batch.message_count" => consumer.messages.size,
              "messaging.kafka.offset" => consumer.messages.metadata.first_offset
            }
          end

          # A batch may come of few spans.
          def links(messages)
            seen = {}
            messages.each do |message|
              headers = message.raw_headers
              parent = headers["traceparent"]
              next unless parent.is_a?(String) && !seen.key?(parent)

              context = api::Trace.current_span(api.propagation.extract(headers)).context
              seen[parent] = context.valid? ? api::Trace::Link.new(context) : nil
              break if seen.size >= MOST_LINKS
            end
            seen.values.compact
          end
        end
      end
    end
  end
end

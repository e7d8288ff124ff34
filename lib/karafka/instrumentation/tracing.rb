# frozen_string_literal: true

module Karafka
  module Instrumentation
    # Traces that the engine makes and exports, as `config.tracing` says. Where the application has OpenTelemetry's API, its current
    # span is the parent of what it sends, and a batch is the current span while it is processed.
    module Tracing
      # For what is left at the end of the process, ms.
      EXIT_MS = 2_000
      # Of a message of an exception, bytes.
      MOST_TEXT = 1_024
      HEADER = "traceparent"
      private_constant :EXIT_MS, :MOST_TEXT, :HEADER

      @on = false
      @mutex = Mutex.new

      class << self
        # @return [Boolean] whether spans are made
        def on? = @on

        # Makes the engine do what `config.tracing` says. Asked where an engine or the client of a producer is made: a forked child has
        # to begin anew, as it does with these.
        # @param settings [Setup::Config::Tracing, nil] nil: only WaterDrop is loaded, which has none
        # @return [void]
        # @raise [Errors::InvalidConfigurationError] this build cannot, or a setting is refused
        def apply(settings = defined?(App) ? App.config.tracing : nil)
          return unless settings&.endpoint || @on

          @mutex.synchronize do
            # The engine compares: the same settings change nothing.
            Native.trace(settings&.endpoint && native(settings))
            @on = !settings&.endpoint.nil?
          end
        end

        # @return [Hash{Symbol=>Integer}] what became of the spans of this process: `exported`, `dropped`, `failed`
        def counts
          %i[exported dropped failed].zip(Native.trace_counts).to_h
        end

        # Waits until all spans that have ended are exported, or were given up.
        # @param timeout_ms [Integer]
        # @return [Boolean] false: not in that time
        def flush(timeout_ms = EXIT_MS)
          !@on || Native.flush_traces(timeout_ms)
        end

        # Where what this thread sends comes from: the application's span, else the batch that it works on.
        # @return [String, nil] as a header has it
        def parent
          span = ::OpenTelemetry::Trace.current_span.context if api
          return Native.trace_context unless span&.valid?

          "00-#{span.hex_trace_id}-#{span.hex_span_id}-#{span.trace_flags.sampled? ? "01" : "00"}"
        end

        # What is sent in the block comes from there.
        # @param parent [String, nil] as a header has it
        # @return [Object] what the block gives
        def under(parent)
          Native.trace_parent = parent
          yield
        ensure
          Native.trace_parent = nil
        end

        # @param lease [Native::Lease] that the block processes, in this thread
        # @return [Object] what the block gives
        def around(lease, &)
          @on && api ? within(lease.trace_context, &) : yield
        end

        # @param lease [Native::Lease]
        # @param error [Exception] why it is about to fail
        # @return [void]
        def failed(lease, error)
          return unless @on

          lease.trace_failure(error.class.to_s, Safely.bounded_message(error, MOST_TEXT))
        end

        # A span for one message, see {Karafka.trace}.
        # @param message [Messages::Message]
        # @return [Object] what the block gives
        def message(message, &)
          return yield unless @on

          span = Native::MessageSpan.begin(message.topic.to_s, message.partition, message.offset, sender(message))
          begin
            api ? within(Native.trace_context, &) : yield
          rescue Exception => e # rubocop:disable Lint/RescueException -- noted and raised again
            error = e
            raise
          ensure
            span.end(error&.class&.to_s, error && Safely.bounded_message(error, MOST_TEXT))
          end
        end

        private

        def native(settings)
          return settings.to_native(App.config) if Native.traces?

          raise Errors::InvalidConfigurationError,
                "config.tracing.endpoint is #{settings.endpoint.inspect}, but must be nil, as this build of the extension has no " \
                "exporter (the cargo feature otlp): install the gem without KARAFKA_RS_FEATURES, or use the listener for the " \
                "application's own OpenTelemetry SDK"
        end

        def sender(message)
          value = message.raw_headers[HEADER]
          value = value.last if value.is_a?(Array)
          value if value.is_a?(String)
        end

        # @return [Boolean] whether the application has loaded OpenTelemetry's API
        def api
          defined?(::OpenTelemetry::Trace.current_span) && defined?(::OpenTelemetry::Context.attach) ? true : false
        end

        # That is the application's current span in the block.
        def within(header)
          return yield unless header

          token = ::OpenTelemetry::Context.attach(remote(header))
          begin
            yield
          ensure
            ::OpenTelemetry::Context.detach(token)
          end
        end

        def remote(header)
          _, trace, span, flags = header.split("-")
          kind = ::OpenTelemetry::Trace
          context = kind::SpanContext.new(
            trace_id: [trace].pack("H*"), span_id: [span].pack("H*"),
            trace_flags: flags == "01" ? kind::TraceFlags::SAMPLED : kind::TraceFlags::DEFAULT
          )
          kind.context_with_span(kind.non_recording_span(context))
        end
      end
    end
  end
end

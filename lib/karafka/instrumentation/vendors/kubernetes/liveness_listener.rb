# frozen_string_literal: true

module Karafka
  module Instrumentation
    module Vendors
      module Kubernetes
        # A liveness probe: fails when a client is not polled, or one call of a consumer takes longer, than allowed, and after an error
        # that no client comes back from. It listens while the server runs.
        #
        # @example
        #   Karafka.monitor.subscribe(
        #     Karafka::Instrumentation::Vendors::Kubernetes::LivenessListener.new(port: 3000, consuming_ttl: 600_000)
        #   )
        class LivenessListener < BaseListener
          # @param hostname [String, nil] see {BaseListener}
          # @param port [Integer]
          # @param consuming_ttl [Integer] ms
          # @param polling_ttl [Integer] ms
          # @param clock [#call] milliseconds that only grow
          def initialize(hostname: nil, port: 3_000, consuming_ttl: 300_000, polling_ttl: 300_000, clock: Clock.method(:now_ms))
            super(hostname: hostname, port: port, clock: clock)
            @consuming_ttl = consuming_ttl
            @polling_ttl = polling_ttl
            @polled = {}
            @calls = {}
            @failed = false
          end

          # @param _event [Event]
          # @return [void]
          # @raise [Errors::InvalidConfigurationError] the port is taken
          def on_app_running(_event)
            listen
          end

          # @param _event [Event]
          # @return [void]
          def on_app_stopped(_event)
            unlisten
          end

          # @param event [Event]
          # @return [void]
          def on_connection_listener_fetch_loop(event)
            @mutex.synchronize { @polled[event[:subscription_group_id]] = @clock.call }
          end

          # A client that ends is not polled any more.
          # @param event [Event]
          # @return [void]
          def on_connection_listener_stopped(event)
            @mutex.synchronize { @polled.delete(event[:subscription_group].id.to_s) }
          end

          %i[consume revoke shutting_down idle eof].each do |event|
            define_method(:"on_consumer_#{event}") { |_event| @mutex.synchronize { @calls[Thread.current] = @clock.call } }
          end

          %i[consumed revoked shutdown idled eofed].each do |event|
            define_method(:"on_consumer_#{event}") { |_event| @mutex.synchronize { @calls.delete(Thread.current) } }
          end

          # @param event [Event]
          # @return [void]
          def on_error_occurred(event)
            error = event[:error]
            @mutex.synchronize do
              # The call that raised is over.
              @calls.delete(Thread.current)
              @failed = true if event[:type].to_s.start_with?("librdkafka", "connection") && error.respond_to?(:fatal?) && error.fatal?
            end
          end

          # @return [Hash{Symbol=>Boolean}]
          def errors
            @mutex.synchronize do
              now = @clock.call
              @calls.select! { |thread, _| thread.alive? }
              {
                polling_ttl_exceeded: @polled.values.any? { |at| now - at > @polling_ttl },
                consumption_ttl_exceeded: @calls.values.any? { |at| now - at > @consuming_ttl },
                unrecoverable: @failed
              }
            end
          end
        end
      end
    end
  end
end

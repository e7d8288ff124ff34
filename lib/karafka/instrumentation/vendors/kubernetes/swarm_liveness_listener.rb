# frozen_string_literal: true

module Karafka
  module Instrumentation
    module Vendors
      module Kubernetes
        # The probe of a swarm: it answers in the supervisor, which sees to the nodes itself, and fails when the supervisor does not look at
        # them any more.
        #
        # @example
        #   Karafka.monitor.subscribe(Karafka::Instrumentation::Vendors::Kubernetes::SwarmLivenessListener.new(port: 3000))
        class SwarmLivenessListener < BaseListener
          # @param hostname [String, nil] see {BaseListener}
          # @param port [Integer]
          # @param controlling_ttl [Integer] ms
          # @param clock [#call] milliseconds that only grow
          def initialize(hostname: nil, port: 3_000, controlling_ttl: 60_000, clock: Clock.method(:now_ms))
            super(hostname: hostname, port: port, clock: clock)
            @controlling_ttl = controlling_ttl
            @controlled_at = clock.call
          end

          # @param _event [Event]
          # @return [void]
          # @raise [Errors::InvalidConfigurationError] the port is taken
          def on_app_supervising(_event)
            @controlled_at = @clock.call
            listen
          end

          # @param _event [Event]
          # @return [void]
          def on_swarm_manager_control(_event)
            @controlled_at = @clock.call
          end

          # A node must not hold the port when the supervisor has gone.
          # @param _event [Event]
          # @return [void]
          def on_swarm_node_after_fork(_event)
            unlisten
          end

          # @param _event [Event]
          # @return [void]
          def on_app_stopped(_event)
            unlisten
          end

          # @return [Hash{Symbol=>Boolean}]
          def errors
            { controlling_ttl_exceeded: @clock.call - @controlled_at > @controlling_ttl }
          end
        end
      end
    end
  end
end

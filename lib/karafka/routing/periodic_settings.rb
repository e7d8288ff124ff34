# frozen_string_literal: true

module Karafka
  module Routing
    # The setting of a {Layer} that has consumers called also without messages.
    module PeriodicSettings
      # Karafka's.
      INTERVAL_MS = 10_000
      # When Karafka can tick besides; here a partition that waits is left alone.
      WHILE_WAITING = %i[during_pause during_retry].freeze
      private_constant :INTERVAL_MS, :WHILE_WAITING

      # Has `tick` of the consumer called whenever nothing has come for that long, again and again, from the first batch on.
      # @param active [Boolean]
      # @param interval [Integer] ms
      # @param others [Hash{Symbol=>Boolean}] `during_pause`, `during_retry`: false
      # @return [Integer, nil] without arguments: ms; nil: it is off
      # @raise [Errors::InvalidConfigurationError, Errors::UnsupportedFeatureError]
      def periodic(active = UNSET, interval: INTERVAL_MS, **others)
        if UNSET.equal?(active) && interval == INTERVAL_MS && others.empty?
          reading!(:periodic, "periodic true, or periodic interval: 5_000")
          return setting(:periodic)
        end

        no_others!(:periodic, others.keys - WHILE_WAITING, %i[interval] + WHILE_WAITING)
        wanted = others.find { |_, value| value }
        raise Errors::UnsupportedFeatureError.for("`periodic #{wanted.first}: true`", "A partition that waits has no ticks.") if wanted

        on = UNSET.equal?(active) || Setup::Types::BOOLEAN.check("#{label} periodic", active)
        @own[:periodic] = on ? Setup::Types::DELAY.check("#{label} periodic interval", interval) : nil
      end
      alias periodic_job periodic

      # @return [Boolean]
      def periodic_job? = !setting(:periodic).nil?
    end
  end
end

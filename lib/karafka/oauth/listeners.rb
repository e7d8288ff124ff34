# frozen_string_literal: true

module Karafka
  module Oauth
    # The listeners of one owner (a producer's settings, the consumers). Whoever keeps this keeps them, and they are forgotten with it.
    class Listeners
      # @yieldparam name [String] of an event
      # @yieldparam payload [Hash{Symbol=>Object}]
      def initialize(&instrument)
        @instrument = instrument
        @entries = {}.compare_by_identity
      end

      # @param listener [#on_oauthbearer_token_refresh]
      # @return [Integer] by which the engine knows it
      def number(listener)
        (@entries[listener] ||= Tokens.register(listener, @instrument)).number
      end

      # @return [String] without listeners, which may know secrets
      def inspect
        "#<#{self.class}>"
      end
    end
  end
end

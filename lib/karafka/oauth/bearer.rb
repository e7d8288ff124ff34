# frozen_string_literal: true

module Karafka
  module Oauth
    # The client that a token is for. Names and arguments are those of the gem rdkafka, for which listeners were written.
    class Bearer
      # @return [String] librdkafka's name of the client
      attr_reader :name
      # @return [String] `sasl.oauthbearer.config` as it was set
      attr_reader :config

      # @param client [Integer]
      # @param name [String]
      # @param config [String]
      def initialize(client, name, config)
        @client = client
        @name = name
        @config = config
        @answered = false
      end

      # @param token [String]
      # @param lifetime_ms [Integer] when it expires: milliseconds since 1970. librdkafka asks for the next one at 80 % of that time
      # @param principal_name [String]
      # @param extensions [Hash{String, Symbol=>String}, nil]
      # @return [Boolean] false: that client has ended
      # @raise [Errors::KafkaError] librdkafka takes no such token
      def oauthbearer_set_token(token:, lifetime_ms:, principal_name:, extensions: nil)
        Native.oauth_set_token(@client, token.to_s, lifetime_ms.to_i, principal_name.to_s,
                               (extensions || {}).to_h { |key, value| [key.to_s, value.to_s] })
              .tap { @answered = true }
      end

      # Says that there is no token. librdkafka asks again 10 seconds later.
      # @param reason [String]
      # @return [Boolean] false: that client has ended
      def oauthbearer_set_token_failure(reason)
        @answered = true
        Native.oauth_set_failure(@client, reason.to_s.encode("UTF-8", invalid: :replace, undef: :replace).scrub.delete("\0"))
      end

      # @return [Boolean] whether there was a token or a failure
      def answered?
        @answered
      end

      # @return [String]
      def inspect
        "#<#{self.class} #{name}>"
      end
    end
  end
end

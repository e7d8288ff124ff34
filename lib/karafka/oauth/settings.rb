# frozen_string_literal: true

module Karafka
  module Oauth
    # Which of a client's settings are about tokens. librdkafka gets tokens itself only where libcurl is compiled in; here Ruby gets
    # them, so that the gem needs no libcurl and a proxy or another certificate store is set up as for any Ruby program.
    module Settings
      # The parts that listeners get, and that librdkafka's own tokens for tests are made of.
      KEPT = %w[sasl.oauthbearer.config].freeze
      OURS = /\Asasl\.oauthbearer\.|\Ahttps\.ca\./
      URL = "sasl.oauthbearer.token.endpoint.url"
      METHODS = %w[default oidc].freeze
      # Each with its other name.
      NEEDED = [
        [URL], %w[sasl.oauthbearer.client.id sasl.oauthbearer.client.credentials.client.id],
        %w[sasl.oauthbearer.client.secret sasl.oauthbearer.client.credentials.client.secret]
      ].freeze
      ADVICE = "Set config.oauth.token_provider_listener, or \"sasl.oauthbearer.method\": \"oidc\" with its endpoint and credentials " \
               "(\"enable.sasl.oauthbearer.unsecure.jwt\": true in tests)"
      private_constant :KEPT, :OURS, :URL, :METHODS, :NEEDED, :ADVICE

      @oidc = {}
      # A trap may send the first message of a producer.
      @lock = Lock.new

      class << self
        # @param settings [Hash{String=>String}]
        # @return [Hash{String=>String}] those that librdkafka is given
        def for_librdkafka(settings)
          settings.reject { |key, _| key.match?(OURS) && !KEPT.include?(key) }
        end

        # @param settings [Hash{String=>String}] of one client
        # @param listener [Object, nil] `oauth.token_provider_listener`
        # @param listeners [Listeners] of the client's owner
        # @return [Hash{String=>String}] what the engine is given
        def for_engine(settings, listener, listeners)
          given = for_librdkafka(settings)
          return given unless wanted?(settings)

          listener = oidc(settings) if oidc?(settings)
          listener ? given.merge("oauth.listener" => listeners.number(listener).to_s) : given
        end

        # @param settings [Setup::KafkaSettings]
        # @param listener [Object, nil]
        # @return [void]
        # @raise [Errors::InvalidConfigurationError] nobody would give tokens
        def check!(settings, listener)
          given = settings.to_librdkafka
          return unless wanted?(given)

          method = given.fetch("sasl.oauthbearer.method", "default")
          unless METHODS.any? { |name| method.casecmp?(name) }
            refuse!("#{settings.label} sets \"sasl.oauthbearer.method\" to #{method.inspect}, but must be \"default\" or \"oidc\".")
          end
          oidc?(given) ? check_oidc!(given, settings.label) : check_source!(given, listener, settings.label)
        end

        private

        # One for the same settings, however often a client is made of them.
        def oidc(settings)
          require_relative "oidc"
          own = settings.select { |key, _| key.match?(OURS) }
          @lock.synchronize { @oidc[own] ||= Oidc.new(own) }
        end

        def wanted?(settings)
          mechanism = settings["sasl.mechanism"] || settings["sasl.mechanisms"]
          mechanism.to_s.casecmp?("OAUTHBEARER") && settings["security.protocol"].to_s.downcase.start_with?("sasl")
        end

        def oidc?(settings)
          settings["sasl.oauthbearer.method"].to_s.casecmp?("oidc")
        end

        def check_source!(settings, listener, label)
          return if listener || %w[true t 1].include?(settings["enable.sasl.oauthbearer.unsecure.jwt"].to_s.downcase)

          refuse!("#{label} asks for OAUTHBEARER, but nothing gives it tokens. #{ADVICE}.")
        end

        def check_oidc!(settings, label)
          missing = NEEDED.filter_map { |first, *others| first if [first, *others].none? { |name| settings.key?(name) } }
          refuse!("#{label} sets \"sasl.oauthbearer.method\" to \"oidc\" without #{missing.join(", ")}.") if missing.any?

          grant = settings.fetch("sasl.oauthbearer.grant.type", "client_credentials")
          type = settings.fetch("sasl.oauthbearer.metadata.authentication.type", "none")
          unless grant.casecmp?("client_credentials") && type.casecmp?("none")
            refuse!("#{label}: tokens are asked for with client credentials only, not with #{grant} or #{type}. For those give a " \
                    "config.oauth.token_provider_listener.")
          end
          check_url!(settings[URL], label)
          check_certificates!(settings["https.ca.location"], label)
        end

        def check_url!(url, label)
          require "uri"
          return if url.match?(%r{\Ahttps?://[^\s/:]+}) && URI(url).host

          refuse!("#{label} sets \"#{URL}\" to #{url.inspect}, but must be a URL such as \"https://HOST/oauth2/token\".")
        rescue URI::InvalidURIError => e
          refuse!("#{label} sets \"#{URL}\" to what is no URL: #{e.message}.")
        end

        def check_certificates!(path, label)
          return if [nil, "", "probe"].include?(path) || File.readable?(path)

          refuse!("#{label} sets \"https.ca.location\" to #{path.inspect}, which is missing or not readable.")
        end

        def refuse!(text)
          raise Errors::InvalidConfigurationError, text
        end
      end
    end
  end
end

# frozen_string_literal: true

module Kafka
  # What `Kafka.new` was given, as the settings of librdkafka.
  # @api private
  class Settings
    LABEL = "Kafka.new"
    SECURITY = %i[
      ssl_ca_cert ssl_ca_cert_file_path ssl_ca_certs_from_system ssl_client_cert ssl_client_cert_key ssl_client_cert_key_password
      ssl_client_cert_chain ssl_verify_hostname sasl_gssapi_principal sasl_gssapi_keytab sasl_plain_authzid sasl_plain_username
      sasl_plain_password sasl_scram_username sasl_scram_password sasl_scram_mechanism sasl_over_ssl sasl_oauth_token_provider
      sasl_aws_msk_iam_access_key_id sasl_aws_msk_iam_secret_key_id sasl_aws_msk_iam_aws_region sasl_aws_msk_iam_session_token
    ].freeze
    # What makes a connection an encrypted one.
    ENCRYPTING = %i[ssl_ca_cert ssl_ca_cert_file_path ssl_ca_certs_from_system ssl_client_cert].freeze
    NEUTRAL = [nil, false, ""].freeze
    # Of connect_timeout and socket_timeout, where they are not given, seconds.
    TIMEOUT = 10
    private_constant :TIMEOUT, :LABEL, :SECURITY, :ENCRYPTING, :NEUTRAL

    # @return [String]
    attr_reader :client_id
    # @return [Logger]
    attr_reader :logger
    # @return [Object, nil] gives tokens, as `config.oauth.token_provider_listener`
    attr_reader :tokens
    # @return [Object] answers to call(partition_count, message)
    attr_reader :partitioner

    # @param seed_brokers [String, Array<String>]
    # @raise [ArgumentError] settings that do not go together
    def initialize(seed_brokers:, client_id: "ruby-kafka", logger: nil, connect_timeout: nil, socket_timeout: nil, partitioner: nil,
                   resolve_seed_brokers: false, **security)
      unknown = security.keys - SECURITY
      raise ArgumentError, "unknown keyword: #{unknown.first.inspect}" if unknown.any?

      Numbers.check!(connect_timeout: connect_timeout, socket_timeout: socket_timeout)
      @patience = (connect_timeout || TIMEOUT) + (socket_timeout || TIMEOUT)
      @client_id = client_id.to_s
      @logger = logger || Logger.new(nil)
      @partitioner = partitioner || Partitioner.new
      check_security(security, seed_brokers)
      provider = security.delete(:sasl_oauth_token_provider)
      @tokens = TokenListener.new(provider) if provider
      @given = ErrorNames.translated { translated(seed_brokers, security, connect_timeout, socket_timeout, resolve_seed_brokers) }
    end

    # @return [Numeric] seconds until a question to the cluster is given up: to connect, and to get an answer
    attr_reader :patience

    # @param more [Hash{String=>Object}] of librdkafka; nil: its default
    # @return [Hash{Symbol=>Object}]
    def with(more) = @given.to_h.merge(more.transform_keys(&:to_sym)).compact

    # @param more [Hash{String=>Object}]
    # @return [Hash{String=>String}] what librdkafka takes
    # @raise [ArgumentError] it refuses one
    def librdkafka(more)
      ErrorNames.translated { Karafka::Setup::KafkaSettings.new(with(more), LABEL).to_librdkafka }
    end

    # @return [String] without settings: they may be secret
    def inspect = "#<#{self.class} #{@client_id}>"

    private

    def translated(seed_brokers, security, connect_timeout, socket_timeout, resolve)
      settings = Karafka::Setup::KafkaSettings.new({ seed_brokers: seed_brokers }, LABEL)
      settings[:"client.id"] = @client_id
      settings[:connect_timeout] = connect_timeout if connect_timeout
      settings[:socket_timeout] = socket_timeout if socket_timeout
      settings[:"client.dns.lookup"] = "resolve_canonical_bootstrap_servers_only" if resolve
      security.each do |name, value|
        settings[name] = value unless NEUTRAL.include?(value) && name != :sasl_over_ssl && name != :ssl_verify_hostname
      end
      settings.merge!(oauth) if @tokens
      # Those of a Karafka application in the same process are not meant.
      settings[:"security.protocol"] ||= "plaintext"
      settings
    end

    def oauth = { "sasl.mechanisms": "OAUTHBEARER", "security.protocol": @encrypted ? "sasl_ssl" : "sasl_plaintext" }

    def check_security(security, brokers)
      if security[:sasl_aws_msk_iam_access_key_id]
        raise ArgumentError, "sasl_aws_msk_iam_… cannot be used: librdkafka has no AWS_MSK_IAM. MSK takes them by OAUTHBEARER, too: " \
                             "give a sasl_oauth_token_provider whose `token` signs one."
      end
      @encrypted = ENCRYPTING.any? { |name| security[name] } || Array(brokers).any?(/\A(kafka\+)?ssl:/)
      return if @encrypted || security[:sasl_over_ssl] == false || !sasl?(security)

      raise ArgumentError, "SASL authentication requires that SSL is configured: give ssl_ca_cert, ssl_ca_cert_file_path or " \
                           "ssl_ca_certs_from_system: true. Where the network may read passwords, set sasl_over_ssl: false."
    end

    def sasl?(security)
      security.any? { |name, value| name.start_with?("sasl_") && name != :sasl_over_ssl && !NEUTRAL.include?(value) }
    end

    # Asks an object with `token`, and maybe `extensions`, as ruby-kafka does.
    class TokenListener
      HOUR_MS = 3_600_000
      private_constant :HOUR_MS

      # @param provider [#token]
      # @raise [TokenMethodNotImplementedError]
      def initialize(provider)
        raise TokenMethodNotImplementedError, "#{provider.class} has no method token" unless provider.respond_to?(:token)

        @provider = provider
      end

      # @param event [#[]] with the client as `:bearer`
      # @return [void]
      def on_oauthbearer_token_refresh(event)
        token = @provider.token.to_s
        claims = claims(token)
        lifetime = claims["exp"] ? claims["exp"].to_i * 1_000 : (Time.now.to_f * 1_000).to_i + HOUR_MS
        event[:bearer].oauthbearer_set_token(token: token, lifetime_ms: lifetime, principal_name: claims["sub"].to_s,
                                             extensions: @provider.respond_to?(:extensions) ? @provider.extensions : nil)
      rescue StandardError => e
        event[:bearer].oauthbearer_set_token_failure("#{e.class}: #{e.message}")
      end

      private

      # Of a token that is no JWT nothing is known but that it is one.
      def claims(token)
        part = token.split(".")[1] or return {}
        parsed = JSON.parse(part.tr("-_", "+/").unpack1("m"))
        parsed.is_a?(Hash) ? parsed : {}
      rescue JSON::ParserError
        {}
      end
    end
    private_constant :TokenListener
  end
end

# frozen_string_literal: true

module Racecar
  # The settings of racecar: name, type, default, and what is allowed where not everything of that type is. Times are in seconds.
  module Settings
    CODECS = %w[none gzip snappy lz4 zstd].freeze
    PARTITIONERS = %w[random consistent consistent_random murmur2 murmur2_random fnv1a fnv1a_random].freeze
    PROTOCOLS = %w[plaintext ssl sasl_plaintext sasl_ssl].freeze
    LEVELS = %w[debug info warn error fatal].freeze
    STRATEGIES = %w[round-robin exhaust-topic].freeze
    private_constant :CODECS, :PARTITIONERS, :PROTOCOLS, :LEVELS, :STRATEGIES

    # name => [type, default, allowed values]
    ALL = {
      brokers: [:list, ["localhost:9092"]], client_id: [:string, "racecar"], group_id: [:string], group_id_prefix: [:string],
      # Kafka knows them as librdkafka's settings.
      offset_commit_interval: [:float, 10], offset_commit_on_idle: [:boolean, true], synchronous_commits: [:boolean, false],
      session_timeout: [:float, 30], heartbeat_interval: [:float], max_poll_interval: [:float, 300], socket_timeout: [:float, 30],
      message_timeout: [:float, 300], max_wait_time: [:float, 1], statistics_interval: [:float, 1],
      fetch_messages: [:integer, 1000], max_bytes: [:integer, 10_485_760], min_message_queue_size: [:integer, 2000],
      partition_assignment_strategy: [:string, "range,roundrobin"], consumer: [:list, []], producer: [:list, []],
      # How it fails.
      pause_timeout: [:float, 10], pause_with_exponential_backoff: [:boolean, false], max_pause_timeout: [:float],
      # What it sends.
      partitioner: [:string, "consistent_random", PARTITIONERS], producer_compression_codec: [:string, nil, CODECS],
      # Connections.
      security_protocol: [:string, nil, PROTOCOLS], ssl_ca_location: [:string], ssl_crl_location: [:string],
      ssl_keystore_location: [:string], ssl_keystore_password: [:string], ssl_certificate_location: [:string],
      ssl_key_location: [:string], ssl_key_password: [:string], ssl_verify_hostname: [:boolean, true], sasl_mechanism: [:string],
      sasl_kerberos_service_name: [:string], sasl_kerberos_principal: [:string], sasl_kerberos_kinit_cmd: [:string],
      sasl_kerberos_keytab: [:string], sasl_kerberos_min_time_before_relogin: [:integer], sasl_username: [:string],
      sasl_password: [:string],
      # The process.
      logfile: [:string], log_level: [:string, "info", LEVELS], pidfile: [:string], daemonize: [:boolean, false],
      without_rails: [:boolean, false], multi_subscription_strategy: [:string, "round-robin", STRATEGIES],
      liveness_probe_enabled: [:boolean, false], liveness_probe_file_path: [:string], liveness_probe_max_interval: [:integer, 5],
      liveness_probe_skip_config_files: [:boolean, false],
      datadog_enabled: [:boolean, false], datadog_host: [:string], datadog_port: [:integer], datadog_socket_path: [:string],
      datadog_namespace: [:string], datadog_tags: [:list]
    }.freeze

    # What is not shown to anybody.
    SECRET = %i[ssl_keystore_password ssl_key_password sasl_password].freeze

    # They become settings of librdkafka under the same name with dots.
    SECURITY = (ALL.keys.grep(/\A(ssl|sasl)_/) - %i[ssl_verify_hostname] + %i[security_protocol]).freeze

    BOOLEANS = { "true" => true, "1" => true, "false" => false, "0" => false }.freeze
    WHOLE = lambda do |value|
      number = value.is_a?(String) ? Integer(value, 10, exception: false) : value
      number.to_i if number.is_a?(Numeric) && number == number.to_i
    end
    # nil: it is none.
    CONVERSIONS = {
      string: ->(value) { value.to_s if [String, Symbol, Numeric].any? { |type| value.is_a?(type) } },
      integer: WHOLE,
      float: ->(value) { value.is_a?(Numeric) ? value : Float(value.to_s, exception: false) },
      boolean: ->(value) { BOOLEANS[value.to_s] },
      list: ->(value) { value.is_a?(String) ? value.split(",").map(&:strip) : (value.map(&:to_s) if value.is_a?(Array)) }
    }.freeze
    HINTS = {
      boolean: ": write true, 1, false or 0", float: ": write a number of seconds",
      list: ": write an Array, or values with commas between them"
    }.freeze
    private_constant :BOOLEANS, :WHOLE, :CONVERSIONS, :HINTS

    module_function

    # @param name [Symbol]
    # @param value [Object] as it stands in a file, in the environment or on the command line
    # @return [Object] in the form that is kept
    # @raise [KingKonf::ConfigError]
    def check(name, value)
      type, _, allowed = ALL.fetch(name) { raise KingKonf::ConfigError, unknown(name) }
      return if value.nil?

      converted = convert(type, value)
      if converted.nil?
        article = type == :integer ? "an" : "a"
        raise KingKonf::ConfigError, "#{name}: #{shown(name, value)} is not #{article} #{type}#{HINTS[type]}"
      end
      return converted if allowed.nil? || allowed.include?(converted)

      raise KingKonf::ConfigError, "#{name}: #{value.inspect} is not one of #{allowed.join(", ")}"
    end

    # @param name [String, Symbol]
    # @return [String]
    def unknown(name)
      "unknown configuration variable #{name.to_s.inspect}.#{Karafka::Setup.suggestion(name, ALL.keys)}"
    end

    def convert(type, value)
      CONVERSIONS.fetch(type).call(value)
    end

    def shown(name, value) = SECRET.include?(name) ? "the value" : value.inspect
    private_class_method :convert, :shown
  end
end

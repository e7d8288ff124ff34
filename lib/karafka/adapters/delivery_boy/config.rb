# frozen_string_literal: true

require_relative "../settings_file"

module DeliveryBoy
  # The settings: what code sets goes before the environment's DELIVERY_BOY_…, and that before config/delivery_boy.yml. Times are in
  # seconds.
  class Config
    # name => [type, default]
    VARIABLES = {
      brokers: [:list, ["localhost:9092"]], client_id: [:string, "delivery_boy"], log_level: [:string, nil],
      connect_timeout: [:integer, 10], socket_timeout: [:integer, 30], resolve_seed_brokers: [:boolean, false],
      delivery_interval: [:integer, 10], delivery_threshold: [:integer, 100], ack_timeout: [:integer, 5], max_retries: [:integer, 2],
      required_acks: [:integer, -1], retry_backoff: [:integer, 1], idempotent: [:boolean, false], transactional: [:boolean, false],
      transactional_timeout: [:integer, 60], transactional_id: [:string, nil], compression_threshold: [:integer, 1],
      compression_codec: [:symbol, nil], max_buffer_bytesize: [:integer, 10_000_000], max_buffer_size: [:integer, 1_000],
      max_queue_size: [:integer, 1_000],
      ssl_ca_cert: [:string, nil], ssl_ca_cert_file_path: [:string, nil], ssl_ca_certs_from_system: [:boolean, false],
      ssl_client_cert: [:string, nil], ssl_client_cert_key: [:string, nil], ssl_client_cert_key_password: [:string, nil],
      ssl_client_cert_chain: [:string, nil], ssl_verify_hostname: [:boolean, true],
      sasl_gssapi_principal: [:string, nil], sasl_gssapi_keytab: [:string, nil], sasl_plain_authzid: [:string, ""],
      sasl_plain_username: [:string, nil], sasl_plain_password: [:string, nil], sasl_scram_username: [:string, nil],
      sasl_scram_password: [:string, nil], sasl_scram_mechanism: [:string, nil], sasl_over_ssl: [:boolean, true],
      sasl_oauth_token_provider: [:object, nil],
      datadog_enabled: [:boolean, nil], datadog_host: [:string, nil], datadog_port: [:integer, nil], datadog_namespace: [:string, nil],
      datadog_tags: [:list, nil]
    }.freeze
    PREFIX = "DELIVERY_BOY_"
    # Where an application has its files, below its root.
    FILE = "config/delivery_boy.yml"
    CODE = "config/delivery_boy.rb"
    private_constant :PREFIX, :FILE, :CODE

    # @param env [Hash{String=>String}]
    # @raise [ConfigError]
    def initialize(env: ENV)
      @file = {}
      @set = {}
      @env = from_env(env)
      @environment = env.values_at("RAILS_ENV", "RACK_ENV").compact.first || "development"
    end

    VARIABLES.each do |name, (_, default)|
      define_method(name) { [@set, @env, @file].each { |layer| return layer[name] if layer.key?(name) } && default }
      define_method(:"#{name}=") { |value| set(name, value) }
    end

    # @param name [String, Symbol]
    # @return [Object, nil]
    # @raise [ConfigError]
    def get(name) = public_send(known(name))

    # @param name [String, Symbol]
    # @param value [Object, nil]
    # @return [void]
    # @raise [ConfigError]
    def set(name, value)
      write(@set, name, value)
    end

    # @param path [String] YAML with ERB, by environment
    # @param environment [String]
    # @return [void]
    # @raise [ConfigError] the file is missing, or has none of that environment, or something is wrong in it
    def load_file(path, environment = @environment)
      sections = Karafka::Adapters::SettingsFile.read(path, ConfigError)
      section = sections.fetch(environment.to_s) do
        raise ConfigError, "#{path} has no section #{environment}; it has #{sections.keys.join(", ")}"
      end
      raise ConfigError, "#{path}: the section #{environment} has to have settings below it" unless section.nil? || section.is_a?(Hash)

      (section || {}).each { |name, value| write(@file, name, value) }
    end

    # Reads an application's files, where it has some.
    # @param root [String, Pathname]
    # @param environment [String]
    # @return [void]
    # @raise [ConfigError]
    def load_application(root = Dir.pwd, environment = @environment)
      file, code = [FILE, CODE].map { |path| File.join(root, path) }
      load_file(file, environment) if File.exist?(file)
      load_code(code) if File.exist?(code)
    end

    # @return [String] without settings: they may be secret
    def inspect = "#<#{self.class}>"

    private

    def respond_to_missing?(...) = false

    # A setting that does not exist is given a value.
    def method_missing(name, ...) = name.end_with?("=") ? set(name.to_s.delete_suffix("="), nil) : super

    # It calls `DeliveryBoy.configure`, while the configuration is being made.
    def load_code(path)
      DeliveryBoy.instance_variable_set(:@config, self)
      load(path)
    end

    def from_env(env)
      env.each_with_object({}) do |(name, value), found|
        next unless name.start_with?(PREFIX)

        write(found, name.delete_prefix(PREFIX).downcase, value)
      end
    end

    def write(layer, name, value)
      name = known(name)
      layer[name] = ConfigTypes.read(VARIABLES.fetch(name).first, name, value)
    end

    def known(name)
      key = name.to_sym
      return key if VARIABLES.key?(key)

      suggestion = DidYouMean::SpellChecker.new(dictionary: VARIABLES.keys).correct(key).first
      raise ConfigError, "unknown configuration variable #{name}#{". Did you mean #{suggestion}?" if suggestion}"
    end
  end
end

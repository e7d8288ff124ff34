# frozen_string_literal: true

require "logger"
require_relative "settings"
require_relative "config_files"
require_relative "kafka_settings"

module Racecar
  # What a racecar process is configured with. Sources, of which the later one holds: environment variables `RACECAR_*`,
  # config/racecar.yml (the section `common` and that of the environment), config/racecar.rb, the command line.
  class Config
    include ConfigFiles
    include KafkaSettings

    PREFIX = "RACECAR_"
    # Of other settings than the process's own, such as the name of its environment.
    NOT_OURS = %w[RACECAR_ENV].freeze
    private_constant :PREFIX, :NOT_OURS

    # @return [Array<Symbol>] names of all settings
    def self.variables = Settings::ALL.keys

    # @return [Class<Consumer>, nil]
    attr_accessor :consumer_class
    # @return [Array<Consumer::Subscription>] of the consumer class
    attr_accessor :subscriptions
    # @return [Integer, nil] processes to fork
    attr_accessor :parallel_workers
    # @return [#call] what {on_error} was given
    attr_reader :error_handler

    # @param env [Hash{String=>String}]
    # @raise [KingKonf::ConfigError]
    def initialize(env: ENV)
      @values = Settings::ALL.to_h { |name, (_, default)| [name, default] }
      @subscriptions = []
      @error_handler = proc {}
      load_env(env)
    end

    Settings::ALL.each do |name, (type, _)|
      define_method(name) { @values[name] }
      define_method(:"#{name}=") { |value| set(name, value) }
      alias_method :"#{name}?", name if type == :boolean
    end

    # @param name [String, Symbol]
    # @return [Object]
    # @raise [KingKonf::ConfigError] there is no such setting
    def get(name)
      @values.fetch(name.to_sym) { raise KingKonf::ConfigError, Settings.unknown(name) }
    end

    # @param name [String, Symbol]
    # @param value [Object]
    # @return [void]
    # @raise [KingKonf::ConfigError]
    def set(name, value)
      @values[name.to_sym] = Settings.check(name.to_sym, value)
      @logger = nil if %i[logfile log_level].include?(name.to_sym) && !@own_logger
    end

    # @param env [Hash{String=>String}]
    # @return [void]
    # @raise [KingKonf::ConfigError]
    def load_env(env)
      env.each do |key, value|
        next unless key.start_with?(PREFIX) && !NOT_OURS.include?(key)

        name = key.delete_prefix(PREFIX).downcase.to_sym
        # Somebody else's may have that beginning as well.
        Settings::ALL.key?(name) ? set(name, value) : warn("racecar: #{key} is left out: #{Settings.unknown(name)}")
      end
    end

    # Takes over what the class itself says.
    # @param consumer_class [Class<Consumer>]
    # @return [void]
    def load_consumer_class(consumer_class)
      self.consumer_class = consumer_class
      self.group_id = consumer_class.group_id || group_id || default_group_id(consumer_class)
      self.subscriptions = consumer_class.subscriptions
      self.max_wait_time = consumer_class.max_wait_time || max_wait_time
      self.fetch_messages = consumer_class.fetch_messages || fetch_messages
      self.parallel_workers = consumer_class.parallel_workers
      self.pidfile ||= "#{default_group_id(consumer_class, nil)}.pid" if daemonize
    end

    # @yieldparam error [Exception] that `process` or `process_batch` raised
    # @yieldparam info [Hash{Symbol=>Object}] where it was: :topic, :partition, :offset, …
    # @return [void]
    def on_error(&handler)
      @error_handler = handler
    end

    # @return [Logger] to the logfile, else to standard output
    # @raise [KingKonf::ConfigError] there is no such directory, or no right to write there
    def logger
      @logger ||= Logger.new(logfile || $stdout, level: Logger.const_get(log_level.upcase))
    rescue SystemCallError => e
      raise KingKonf::ConfigError, "logfile: #{logfile.inspect} cannot be written: #{e.message}"
    end

    # @param logger [Logger]
    # @return [void]
    def logger=(logger)
      @own_logger = true
      @logger = logger
    end

    # @return [Instrumenter]
    def instrumenter
      @instrumenter ||= Instrumenter.new(default_payload: { client_id: client_id, group_id: group_id })
    end

    # @return [LivenessProbe]
    def liveness_probe
      LivenessProbe.new(liveness_probe_file_path, liveness_probe_max_interval)
    end

    # @return [Integer]
    def max_wait_time_ms = (max_wait_time * 1_000).to_i

    # @return [Integer] 0: nobody asks for them
    def statistics_interval_ms
      consumer_class&.method_defined?(:statistics_callback) ? (statistics_interval * 1_000).to_i : 0
    end

    # @return [void]
    # @raise [KingKonf::ConfigError]
    # @raise [NotImplementedError] the consumer class has no method that processes
    def validate!
      problem = problems.find { |_, wrong| wrong.call }&.first
      raise KingKonf::ConfigError, problem if problem
      return if consumer_class.nil?

      unless %i[process process_batch].any? { |name| consumer_class.method_defined?(name) }
        raise NotImplementedError, "#{consumer_class} must define `process(message)` or `process_batch(messages)`"
      end
      raise KingKonf::ConfigError, "#{consumer_class} has no `subscribes_to \"topic\"`" if subscriptions.empty?
    end

    # @return [String] all settings, without passwords
    def inspect
      @values.compact
             .map { |name, value| "#{name} = #{Settings::SECRET.include?(name) ? "[hidden]" : value.inspect}" }
             .join("\n")
    end

    private

    def respond_to_missing?(...) = false

    # A setting that does not exist is given a value.
    def method_missing(name, ...) = name.end_with?("=") ? set(name.to_s.delete_suffix("="), nil) : super

    def default_group_id(consumer_class, prefix = group_id_prefix)
      dashed = consumer_class.name.gsub(/([a-z\d])([A-Z])/, '\1-\2').gsub(/([A-Z]+)([A-Z][a-z])/, '\1-\2').gsub("::", "-").downcase
      "#{prefix}#{dashed}"
    end

    def problems
      {
        "`brokers` is empty: name at least one, such as localhost:9092" => -> { brokers.to_a.empty? },
        "`socket_timeout` (#{socket_timeout}) must be longer than `max_wait_time` (#{max_wait_time})" =>
          -> { socket_timeout && max_wait_time && socket_timeout <= max_wait_time },
        "`pause_timeout` is #{pause_timeout.inspect}: write a number of seconds, 0 or -1" =>
          -> { !pause_timeout&.between?(0, Float::INFINITY) && pause_timeout != -1 },
        "`fetch_messages` is #{fetch_messages.inspect}: write at least 1" => -> { !fetch_messages&.positive? },
        "`liveness_probe_file_path` must be set with `liveness_probe_enabled`" =>
          -> { liveness_probe_enabled && liveness_probe_file_path.nil? }
      }
    end
  end
end

# frozen_string_literal: true

require "erb"
require "yaml"
require_relative "kafka_settings"

module Phobos
  # Reads the configuration: a file in YAML, after ERB, or a Hash.
  module Configuration
    SECTIONS = %w[logger kafka producer consumer backoff listeners custom_logger custom_kafka_logger].freeze
    private_constant :SECTIONS

    # @param path [String]
    # @return [Hash{String=>Object}]
    # @raise [ConfigurationError]
    def self.read(path)
      raise ConfigurationError, "the configuration file #{File.expand_path(path)} does not exist" unless File.exist?(path)

      found = YAML.safe_load(ERB.new(File.read(path)).result, aliases: true, permitted_classes: [Symbol]) || {}
      return found if found.is_a?(Hash)

      raise ConfigurationError, "#{path} needs sections, such as `kafka:` and `listeners:`"
    rescue Psych::Exception => e
      raise ConfigurationError, "#{path}: #{e.message}"
    end

    # @param configuration [String, Hash] path of a file, or the settings
    # @return [void]
    # @raise [ConfigurationError]
    def configure(configuration)
      settings = configuration.respond_to?(:to_hash) ? configuration.to_hash : Configuration.read(configuration.to_s)
      check(settings)
      @config = DeepStruct.new(settings)
      configure_logger
      logger.info(message: "Phobos configured", env: Karafka.env.to_s)
    end

    # @return [void]
    def configure_logger
      custom = config.custom_logger
      @logger = custom || Log.build(config.logger, silent: silence_log)
      # What the engine itself has to say.
      engine = config.custom_kafka_logger || custom || @logger
      Karafka::App.config.logger = engine
    end

    private

    def check(settings)
      settings.each_key do |name|
        next if SECTIONS.include?(name.to_s)

        raise ConfigurationError, "unknown section #{name.to_s.inspect}.#{Karafka::Setup.suggestion(name, SECTIONS)}"
      end
    end
  end
end

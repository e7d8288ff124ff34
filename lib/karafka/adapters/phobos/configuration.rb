# frozen_string_literal: true

require_relative "../settings_file"
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
      Karafka::Adapters::SettingsFile.read(File.expand_path(path), ConfigurationError)
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

# frozen_string_literal: true

require_relative "../settings_file"

module Racecar
  # Reads a configuration from files.
  module ConfigFiles
    # @param path [String] YAML, after ERB
    # @param environment [String] the section to take, besides `common`
    # @return [void]
    # @raise [KingKonf::ConfigError]
    def load_file(path, environment)
      sections = Karafka::Adapters::SettingsFile.read(path, KingKonf::ConfigError)
      apply(path, section(path, sections, environment.to_s))
    end

    # Reads config/racecar.yml and config/racecar.rb of the application, where they are.
    # @param root [#to_s]
    # @return [void]
    # @raise [KingKonf::ConfigError]
    def load_files(root = ConfigFiles.root)
      yaml, ruby = %w[yml rb].map { |extension| File.join(root.to_s, "config", "racecar.#{extension}") }
      load_file(yaml, Karafka.env) if File.exist?(yaml)
      load(ruby) if File.exist?(ruby)
    end

    # @return [String, Pathname] directory of the application
    def self.root
      (::Rails.root if defined?(::Rails.root)) || Dir.pwd
    end

    private

    def apply(path, settings)
      settings.each { |name, value| set(name, value) }
    rescue KingKonf::ConfigError => e
      raise KingKonf::ConfigError, "#{path}: #{e.message}"
    end

    def section(path, sections, environment)
      unless sections.values.all? { |section| section.nil? || section.is_a?(Hash) }
        raise KingKonf::ConfigError, "#{path}: write a section for each environment, such as `#{environment}:`, with settings below it"
      end
      # Its settings would be the defaults: localhost in production, for example.
      unless sections.key?(environment) || sections.key?("common")
        raise KingKonf::ConfigError, "#{path} has no section #{environment} and none `common`; it has #{sections.keys.join(", ")}"
      end

      (sections["common"] || {}).merge(sections[environment] || {})
    end
  end
end

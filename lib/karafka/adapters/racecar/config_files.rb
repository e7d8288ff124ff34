# frozen_string_literal: true

require "erb"
require "yaml"

module Racecar
  # Reads a configuration from files.
  module ConfigFiles
    # @param path [String] YAML, after ERB
    # @param environment [String] the section to take, besides `common`
    # @return [void]
    # @raise [KingKonf::ConfigError]
    def load_file(path, environment)
      sections = YAML.safe_load(ERB.new(File.read(path)).result, aliases: true, permitted_classes: [Symbol]) || {}
      section(sections, environment.to_s).each { |name, value| set(name, value) }
    rescue KingKonf::ConfigError, Psych::Exception => e
      raise KingKonf::ConfigError, "#{path}: #{e.message}"
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

    def section(sections, environment)
      unless sections.is_a?(Hash) && sections.values.all? { |section| section.nil? || section.is_a?(Hash) }
        raise KingKonf::ConfigError, "write a section for each environment, such as `#{environment}:`, with settings below it"
      end

      (sections["common"] || {}).merge(sections[environment] || {})
    end
  end
end

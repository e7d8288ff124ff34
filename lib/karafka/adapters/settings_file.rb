# frozen_string_literal: true

require "erb"
require "yaml"

module Karafka
  module Adapters
    # Reads the settings that other libraries keep in YAML files, which may contain ERB.
    module SettingsFile
      # @param path [#to_s]
      # @param error [Class<StandardError>] what the library raises for settings that cannot be
      # @return [Hash{String=>Object}]
      # @raise [StandardError] of that class: the file is missing, or is none; its text says where
      def self.read(path, error)
        read = YAML.safe_load(evaluated(path.to_s, error), aliases: true, permitted_classes: [Symbol], filename: path.to_s) || {}
        return read if read.is_a?(Hash)

        raise error, "#{path} has to consist of sections with settings below them, and begins with #{read.inspect[0, 40]}"
      rescue Errno::ENOENT
        raise error, "#{path} does not exist"
      rescue SystemCallError => e
        raise error, "#{path} cannot be read: #{e.message}"
      rescue Psych::Exception => e
        raise error, "#{path}: #{e.message}"
      end

      # What the application's own Ruby in it raises.
      def self.evaluated(path, error)
        template = ERB.new(File.read(path))
        template.filename = path
        template.result
      rescue SystemCallError
        raise
      rescue StandardError, ScriptError => e
        # A SyntaxError has the line in its text.
        place = e.backtrace.to_a.find { |line| line.start_with?(path) }.to_s[/\A.*?:\d+/] || path
        raise error, "#{place}: #{e.class}: #{e.message.lines.first.to_s.chomp}"
      end
      private_class_method :evaluated
    end
  end
end

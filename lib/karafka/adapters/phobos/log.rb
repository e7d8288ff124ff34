# frozen_string_literal: true

require "fileutils"
require "json"
require "logger"

module Phobos
  # The logger that the section `logger` describes.
  module Log
    # Writes to several.
    class Several
      # @param outputs [Array<IO>]
      def initialize(outputs)
        @outputs = outputs
      end

      # @return [void]
      def write(text) = @outputs.each { |output| output.write(text) }

      # @return [void]
      def close; end
    end
    private_constant :Several

    # @param section [DeepStruct, nil] `file`, `level`, `stdout_json`
    # @param silent [Boolean] whether nothing goes to standard output
    # @return [Logger]
    # @raise [ConfigurationError]
    def self.build(section, silent: false)
      outputs = silent ? [] : [$stdout]
      if section&.file
        FileUtils.mkdir_p(File.dirname(section.file))
        outputs << File.open(section.file, "a").tap { |file| file.sync = true }
      end
      level = (section&.level || :info).to_s
      Logger.new(Several.new(outputs), level: level, progname: "Phobos", formatter: formatter(section))
    rescue ArgumentError
      raise ConfigurationError, "logger.level is #{level.inspect}, but must be one of debug, info, warn, error, fatal, unknown"
    end

    def self.formatter(section)
      if section&.stdout_json
        return ->(level, time, name, message) { "#{JSON.generate(level: level, time: time, name: name, message: message)}\n" }
      end

      ->(level, time, name, message) { "[#{time.strftime("%Y-%m-%dT%H:%M:%S:%L%z")}] #{level.ljust(5)} -- #{name} : #{text(message)}\n" }
    end

    def self.text(message)
      case message
      when Hash then message.map { |key, value| "#{key}: #{value}" }.join(", ")
      when Exception then "#{message.class}: #{message.message}"
      else message.to_s
      end
    end
    private_class_method :formatter, :text
  end
end

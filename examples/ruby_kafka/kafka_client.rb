# frozen_string_literal: true

require "erb"
require "kafka"
require "logger"
require "yaml"

# The client of this application, as its config/kafka.yml says.
module KafkaClient
  def self.config
    file = File.expand_path("config/kafka.yml", __dir__)
    sections = YAML.safe_load(ERB.new(File.read(file)).result, aliases: true)
    sections.fetch(ENV.fetch("APP_ENV", "development")).transform_keys(&:to_sym)
  end

  def self.new(**options)
    Kafka.new(**config, logger: Logger.new($stderr, level: Logger::INFO), **options)
  end
end

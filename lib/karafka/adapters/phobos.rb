# frozen_string_literal: true

require_relative "phobos/deep_struct"
require_relative "phobos/instrumentation"
require_relative "phobos/configuration"
require_relative "phobos/log"
require_relative "phobos/handler"
require_relative "phobos/producer"

# The names of the gem phobos: handlers, listeners and producers work as they stand, on the engine of karafka-rs.
module Phobos
  autoload :CLI, File.expand_path("phobos/cli", __dir__)
  autoload :Delegate, File.expand_path("phobos/delegate", __dir__)
  autoload :Executor, File.expand_path("phobos/executor", __dir__)
  autoload :Listener, File.expand_path("phobos/listener", __dir__)
  autoload :Test, File.expand_path("phobos/test/helper", __dir__)

  # The last release whose names are here.
  VERSION = "2.1.6"

  # Common ancestor.
  class Error < StandardError; end

  # Raised in a handler: the listener stops, and the message is not done.
  class AbortError < Error; end

  # `Phobos.configure` was not called, or a setting cannot work.
  class ConfigurationError < Error; end

  extend Configuration

  class << self
    # @return [DeepStruct]
    # @raise [ConfigurationError] `configure` was not called
    def config
      @config || raise(ConfigurationError, "Phobos is not configured: call Phobos.configure(\"config/phobos.yml\")")
    end

    # @return [Logger]
    attr_accessor :logger
    # @return [Boolean] whether nothing is written to standard output
    attr_accessor :silence_log

    # @param path [String] a file with a section `listeners`, whose listeners run besides
    # @return [void]
    def add_listeners(path)
      listeners = Array(Configuration.read(path)["listeners"])
      config.listeners = Array(config.listeners) + DeepStruct.new({ listeners: listeners }).listeners
    end

    # @param role [String, nil] "producer" or "consumer": its own section `kafka` goes before the common one
    # @return [Kafka::Client] it connects when it is used
    # @raise [ConfigurationError]
    def create_kafka_client(role = nil)
      ::Kafka.new(logger: config.custom_kafka_logger, **KafkaSettings.client(role))
    rescue ArgumentError => e
      raise ConfigurationError, "the section kafka: #{e.message}"
    end

    # @param config [#min_ms, #max_ms, nil] nil: the section `backoff`
    # @return [Backoff]
    # @raise [ConfigurationError]
    def create_exponential_backoff(config = nil)
      found = config || self.config.backoff
      Backoff.new(*{ min_ms: 1_000, max_ms: 60_000 }.map do |name, default|
        value = found&.public_send(name)
        value.nil? ? default : milliseconds(name, value)
      end)
    end

    private

    def milliseconds(name, value)
      number = Integer(value.to_s, 10, exception: false)
      return number if number && !number.negative?

      raise ConfigurationError, "backoff.#{name} is #{value.inspect}, but must be a whole number of milliseconds"
    end
  end

  # How long to wait before the next try: doubled each time, up to the maximum.
  Backoff = Struct.new(:min_ms, :max_ms) do
    # @param retries [Integer] that were in vain before
    # @return [Integer] ms
    def after(retries)
      [min_ms * (2**[retries, 30].min), max_ms].min.clamp(1..)
    end
  end
end

# frozen_string_literal: true

require "logger"
require "securerandom"
require_relative "config/recovery"
require_relative "config/old_names"

module WaterDrop
  # Settings of one producer. Times are in milliseconds, sizes in bytes.
  class Config
    include Recovery
    include OldNames

    CHECKS = {
      id: ["a String", ->(value) { value.is_a?(String) && !value.empty? }],
      deliver: ["true or false", ->(value) { [true, false].include?(value) }],
      raise_on_failure: ["true or false", ->(value) { [true, false].include?(value) }],
      client_class: ["nil, WaterDrop::Clients::Rdkafka, Dummy or Buffered",
                     ->(value) { value.nil? || (value.is_a?(Class) && [Client, Clients::Dummy].any? { |known| value <= known }) }],
      max_payload_size: ["an Integer above 0 (bytes)", ->(value) { value.is_a?(Integer) && value.positive? }],
      max_wait_timeout: TIME,
      wait_on_queue_full: ["true or false", ->(value) { [true, false].include?(value) }],
      wait_timeout_on_queue_full: TIME,
      instrument_on_wait_queue_full: ["true or false", ->(value) { [true, false].include?(value) }],
      drop_on_queue_full: ["true or false", ->(value) { [true, false].include?(value) }],
      idle_disconnect_timeout: ["0 (never) or a number of milliseconds, 30_000 or more",
                                ->(value) { MILLISECONDS.call(value) && (value.zero? || value >= 30_000) }],
      buffer_max_messages: ["an Integer above 0, or nil", ->(value) { value.nil? || (value.is_a?(Integer) && value.positive?) }],
      buffer_max_bytes: ["an Integer above 0 (bytes), or nil", ->(value) { value.nil? || (value.is_a?(Integer) && value.positive?) }],
      buffer_max_time: ["a number of milliseconds above 0, or nil",
                        ->(value) { value.nil? || (MILLISECONDS.call(value) && value.positive?) }],
      logger: ["a Logger (answers to info, warn and error)", ->(value) { %i[info warn error].all? { |name| value.respond_to?(name) } }],
      monitor: ["a monitor (answers to subscribe and instrument)", lambda { |value|
                                                                     %i[subscribe instrument].all? do |name|
                                                                       value.respond_to?(name)
                                                                     end
                                                                   }],
      middleware: ["a WaterDrop::Middleware (answers to run)", ->(value) { value.respond_to?(:run) }],
      **Recovery::SETTINGS.transform_values { |_default, *check| check }
    }.freeze

    # What WaterDrop has and this version has not.
    NOT_YET = %i[statistics_decorator oauth polling wait_timeout_on_transaction_abort].freeze
    private_constant :CHECKS, :NOT_YET

    # @return [String] in events and logs
    attr_accessor :id
    # @return [Boolean] false: messages are checked, and reported as delivered, but not sent
    attr_accessor :deliver
    # @return [Class, nil] what hands messages over; nil: the engine, or {Clients::Dummy} where `deliver` is false
    attr_accessor :client_class
    # @return [Integer] largest payload in bytes
    attr_accessor :max_payload_size
    # @return [Numeric] how long the sync methods wait for an answer, ms
    attr_accessor :max_wait_timeout
    # @return [Boolean] wait for room where librdkafka's queue is full
    attr_accessor :wait_on_queue_full
    # @return [Numeric] how long to wait for room, ms
    attr_accessor :wait_timeout_on_queue_full
    # @return [Boolean] tell the monitor (`error.occurred`) when a call had to wait for room
    attr_accessor :instrument_on_wait_queue_full
    # @return [Boolean] where there is no room (in time): drop the message and say so (`message.dropped`), do not raise
    attr_accessor :drop_on_queue_full
    # @return [Numeric] after so long without a message the connections are given up until the next one, ms; 0: never
    attr_accessor :idle_disconnect_timeout
    # @return [Integer, nil] the buffer flushes itself when it has so many messages
    attr_accessor :buffer_max_messages
    # @return [Integer, nil] or so many bytes of payloads, keys and headers
    attr_accessor :buffer_max_bytes
    # @return [Numeric, nil] or when its oldest message has waited so long, ms
    attr_accessor :buffer_max_time
    # @return [Logger]
    attr_accessor :logger
    # @return [Karafka::Instrumentation::Monitor]
    attr_reader :monitor
    # @return [Middleware]
    attr_accessor :middleware
    # @return [Karafka::Setup::KafkaSettings] librdkafka's settings; also takes the 1.x names, such as `seed_brokers`
    attr_reader :kafka
    # @return [nil] nothing waits in steps here
    attr_reader :wait_backoff_on_queue_full

    def initialize
      @id = "waterdrop-#{SecureRandom.hex(6)}"
      @deliver = true
      @raise_on_failure = true
      @client_class = nil
      @max_payload_size = 1_000_012
      @max_wait_timeout = 60_000
      @wait_on_queue_full = true
      @wait_timeout_on_queue_full = 10_000
      @instrument_on_wait_queue_full = true
      @drop_on_queue_full = false
      @idle_disconnect_timeout = 0
      @logger = ::Logger.new($stdout, level: ::Logger::WARN)
      self.monitor = Instrumentation::Monitor.new
      @middleware = Middleware.new
      default_recovery
      self.kafka = {}
    end

    # @param settings [Hash{Symbol, String=>Object}]
    # @return [void]
    def kafka=(settings)
      @kafka = Karafka::Setup::KafkaSettings.new(settings, "the producer's config.kafka") { |name, value| public_send(:"#{name}=", value) }
    end

    # @param monitor [#subscribe, #instrument] one that cannot say whether anybody listens hears everything
    # @return [void]
    def monitor=(monitor)
      monitor.define_singleton_method(:listening?) { |_name| true } if monitor.respond_to?(:instrument) && !monitor.respond_to?(:listening?)
      @monitor = monitor
    end

    # WaterDrop waits in steps of this many milliseconds. Here a delivery report wakes whoever waits for room.
    # @param value [Numeric]
    # @return [void]
    def wait_backoff_on_queue_full=(value)
      @wait_backoff_on_queue_full = nil
      logger.warn("wait_backoff_on_queue_full (#{value.inspect}) has no effect here: a wait for room ends as soon as there is some")
    end

    # WaterDrop 1.x: what happens where there is no room.
    # @param value [Boolean] false: messages are dropped
    # @return [void]
    def raise_on_buffer_overflow=(value)
      @drop_on_queue_full = [true, false].include?(value) ? !value : value
    end

    # @param value [String] how brokers see this producer
    # @return [void]
    def client_id=(value)
      kafka[:"client.id"] = value
    end

    # @return [String] without settings: they may be secret, and a NoMethodError prints it
    def inspect
      "#<#{self.class} id=#{id.inspect}>"
    end

    # @return [self]
    # @raise [Errors::ConfigurationInvalidError]
    def validate!
      CHECKS.each do |name, (allowed, check)|
        value = public_send(name)
        raise Errors::ConfigurationInvalidError, "#{name} is #{value.inspect}, but must be #{allowed}." unless check.call(value)
      end
      if engine? && kafka[:"bootstrap.servers"].to_s.strip.empty?
        spelling = DidYouMean::SpellChecker.new(dictionary: ["bootstrap.servers"])
        misspelt = kafka.keys.find { |key| spelling.correct(key.to_s).any? }
        raise Errors::ConfigurationInvalidError,
              "config.kafka has no \"bootstrap.servers\"#{", but \"#{misspelt}\"" if misspelt}: " \
              "set config.kafka = { \"bootstrap.servers\": \"host:9092\" }."
      end
      check_brokers
      check_transactional_id
      self
    end

    # @return [Client, Clients::Dummy]
    # @raise [Errors::ConfigurationInvalidError] librdkafka refuses a setting
    def new_client
      (client_class || (deliver ? Clients::Rdkafka : Clients::Dummy)).new(self)
    end

    # @return [Boolean] whether messages are sent
    def engine?
      client_class ? client_class <= Clients::Rdkafka : deliver
    end

    # Takes over all settings of another producer, but those of librdkafka and the id.
    # @param other [Config]
    # @return [void]
    def inherit(other)
      (CHECKS.keys - %i[id]).each { |name| public_send(:"#{name}=", other.public_send(name)) }
    end

    # @return [Hash{String=>String}] what librdkafka gets
    def native_kafka
      settings = kafka.transform_keys(&:to_s).compact
      settings["client.id"] ||= "waterdrop"
      settings.transform_values { |value| value.is_a?(Array) ? value.join(",") : value.to_s }
    end

    # @return [Integer, nil] ms; nil: connections are kept. A transaction may be open without a message under way
    def native_idle
      idle_disconnect_timeout.ceil unless idle_disconnect_timeout.zero? || kafka.key?(:"transactional.id")
    end

    # @return [Integer] how long a call waits for room, ms
    def queue_full_timeout
      wait_on_queue_full ? wait_timeout_on_queue_full.ceil : 0
    end

    # @raise [Karafka::Errors::UnsupportedFeatureError, Errors::ConfigurationInvalidError]
    def method_missing(name, ...)
      setting = name.to_s.delete_suffix("=").to_sym
      raise Karafka::Errors::UnsupportedFeatureError.for("the producer setting `#{setting}`") if NOT_YET.include?(setting)
      return super unless name.end_with?("=")

      raise Errors::ConfigurationInvalidError, "Unknown setting `#{setting}`.#{Karafka::Setup.suggestion(setting, CHECKS.keys + [:kafka])}"
    end

    # @return [Boolean]
    def respond_to_missing?(_name, _include_private = false)
      false
    end

    private

    # librdkafka takes an empty one, and fails in the first transaction.
    def check_brokers
      Karafka::Setup::BrokerList.check!(kafka[:"bootstrap.servers"], "config.kafka")
    rescue Karafka::Errors::InvalidConfigurationError => e
      raise Errors::ConfigurationInvalidError, e.message
    end

    def check_transactional_id
      return unless kafka.key?(:"transactional.id")

      value = kafka[:"transactional.id"]
      return unless value.to_s.strip.empty?

      raise Errors::ConfigurationInvalidError,
            "config.kafka: transactional.id is #{value.inspect}, but must be a name that no other running producer has. " \
            "Without transactions leave it out."
    end
  end
end

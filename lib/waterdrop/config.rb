# frozen_string_literal: true

require "logger"
require "securerandom"
require_relative "config/types"
require_relative "config/recovery"
require_relative "config/old_names"
require_relative "config/without_effect"

module WaterDrop
  # Settings of one producer. Times are in milliseconds, sizes in bytes.
  class Config
    include Recovery
    include OldNames
    include WithoutEffect

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
    # @return [Symbol] what happens to the other messages of a batch that the broker refused because of some. :resend sends them
    #   again, once; later messages of the partition may overtake them. :fail reports them as failed, too
    attr_accessor :on_refused_batch
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

    # Where tokens come from.
    Oauth = Struct.new(:token_provider_listener)
    private_constant :Oauth

    # @yieldparam oauth [Oauth]
    # @return [Oauth] `token_provider_listener` answers to `on_oauthbearer_token_refresh(event)`
    def oauth
      @oauth ||= Oauth.new
      yield @oauth if block_given?
      @oauth
    end

    # @return [Karafka::Setup::KafkaSettings] librdkafka's settings; also takes the 1.x names, such as `seed_brokers`
    attr_reader :kafka

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
      @on_refused_batch = :resend
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

    # As WaterDrop's settings, which are an object with a `setup` of their own.
    # @yieldparam config [self]
    # @return [self]
    # @raise [Errors::ConfigurationInvalidError] also where `kafka` is none
    def setup
      yield(self)
      self
    rescue Karafka::Errors::InvalidConfigurationError => e
      raise Errors::ConfigurationInvalidError, e.message, e.backtrace
    end

    # @return [self]
    def config
      self
    end

    # @return [Hash{Symbol=>Object}] the settings by name
    def to_h
      [*Types::ALL.keys, :kafka].to_h { |name| [name, public_send(name)] }
    end

    # @api private
    # @yieldparam name [Symbol]
    # @yieldreturn [Object] the value of that setting
    # @return [Hash{Symbol=>String}] what is wrong, by setting
    def self.problems
      Types::ALL.each_with_object({}) do |(name, type), found|
        value = yield(name)
        found[name] = "#{name} is #{value.inspect}, but must be #{type.description}." unless type.allowed?(value)
      end
    end

    # What is set from now on would have no effect, so it is refused. The logger is asked for each line, and `kafka` is read by a client
    # that is made anew.
    # @api private
    # @return [self]
    def complete
      extend(Complete)
    end

    # Settings of a producer that was set up.
    module Complete
      (Types::ALL.keys - %i[logger]).each do |name|
        define_method(:"#{name}=") do |value|
          raise Errors::ConfigurationInvalidError,
                "#{name} cannot become #{value.inspect}: producer #{id} is set up already. Set it in the block of " \
                "WaterDrop::Producer.new, or use `producer.with` for another max_wait_timeout or other settings of a topic."
        end
      end
    end
    private_constant :Complete

    # @return [self]
    # @raise [Errors::ConfigurationInvalidError]
    def validate!
      problem = Config.problems { |name| public_send(name) }.values.first
      raise Errors::ConfigurationInvalidError, problem if problem

      if engine? && kafka.brokers.empty?
        spelling = DidYouMean::SpellChecker.new(dictionary: ["bootstrap.servers"])
        misspelt = kafka.keys.find { |key| spelling.correct(key.to_s).any? }
        raise Errors::ConfigurationInvalidError,
              "config.kafka has no \"bootstrap.servers\"#{", but \"#{misspelt}\"" if misspelt}: " \
              "set config.kafka = { \"bootstrap.servers\": \"host:9092\" }."
      end
      check_transactional_id
      check_kafka if engine?
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
      (Types::ALL.keys - %i[id]).each { |name| public_send(:"#{name}=", other.public_send(name)) }
      oauth.token_provider_listener = other.oauth.token_provider_listener
    end

    # @return [Hash{String=>String}] what librdkafka gets
    def native_kafka
      settings = { "client.id" => "waterdrop" }.merge(kafka.to_librdkafka)
      @listeners ||= Karafka::Oauth::Listeners.new { |name, payload| instrument_tokens(name, payload) }
      Karafka::Oauth::Settings.for_engine(settings, oauth.token_provider_listener, @listeners)
    end

    # @return [Integer, nil] ms; nil: connections are kept
    def native_idle
      idle_disconnect_timeout.ceil unless idle_disconnect_timeout.zero?
    end

    # @return [Integer] how long a call waits for room, ms
    def queue_full_timeout
      wait_on_queue_full ? wait_timeout_on_queue_full.ceil : 0
    end

    # @raise [Errors::ConfigurationInvalidError]
    def method_missing(name, ...)
      return super unless name.end_with?("=")

      setting = name.to_s.delete_suffix("=").to_sym
      raise Errors::ConfigurationInvalidError,
            "Unknown setting `#{setting}`.#{Karafka::Setup.suggestion(setting, Types::ALL.keys + [:kafka])}"
    end

    # @return [Boolean]
    def respond_to_missing?(_name, _include_private = false)
      false
    end

    private

    # What happens to the producer's tokens, on a thread of its own. An error that nobody listens to goes to the log.
    def instrument_tokens(name, payload)
      error = payload[:error]
      Karafka::ErrorCounts.add(payload[:type]) if error
      Guard.call(self, "a subscriber of #{name}") do
        next logger.error("[#{id}] #{payload[:type]}: #{error.class}: #{error.message}") if error && !monitor.listening?(name)

        monitor.instrument(name, { producer_id: id, **payload })
      end
    end

    def check_kafka
      Karafka::Setup::KafkaContract.check!(kafka, roles: %w[producer], whole: true)
      Karafka::Oauth::Settings.check!(kafka, oauth.token_provider_listener)
    rescue Karafka::Errors::InvalidConfigurationError => e
      raise Errors::ConfigurationInvalidError, e.message
    end

    # librdkafka takes an empty one, and fails in the first transaction.
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

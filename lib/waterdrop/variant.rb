# frozen_string_literal: true

require "forwardable"

module WaterDrop
  # A producer with other topic settings or another time limit; made by {Producer#with}. Has the producer's methods.
  # Can be kept or made anew each time, and used by all threads and fibers. The buffer is the producer's: what was
  # buffered is sent with the settings of whoever flushes.
  #
  # @example
  #   careless = Karafka.producer.with(topic_config: { acks: 1 })
  #   careless.produce_async(topic: "page_views", payload: "{}")
  class Variant
    extend Forwardable

    # Settings of librdkafka that a topic may have of its own.
    SETTINGS = %w[acks request.required.acks request.timeout.ms message.timeout.ms delivery.timeout.ms partitioner compression.codec
                  compression.type compression.level].freeze
    ACKS = %w[acks request.required.acks].freeze
    OPTIONS = %w[max_wait_timeout topic_config default].freeze
    # What goes another way than with the producer itself, and what is not for variants.
    OWN = %i[produce_sync produce_async produce_many_sync produce_many_async produce_after_commit produce_many_after_commit
             tombstone_sync tombstone_async tombstone_many_sync tombstone_many_async flush_sync flush_async setup lane flush_at_exit
             stubbed?].freeze
    private_constant :ACKS, :OPTIONS, :OWN

    # @return [Producer]
    attr_reader :producer
    # @return [Hash{String=>String}]
    attr_reader :topic_config
    # @return [Numeric] ms
    attr_reader :max_wait_timeout

    # What no setting of a variant changes.
    def_delegators :@producer, *(Producer.public_instance_methods - Object.instance_methods - OWN)

    # @api private
    # @param unknown [Hash] options that there are not
    # @raise [Errors::VariantInvalidError]
    def self.refuse(unknown)
      name = unknown.keys.first
      hint = Karafka::Setup.suggestion(name, OPTIONS)
      hint = " It belongs in topic_config: { \"#{name}\": … }." if SETTINGS.include?(name.to_s)
      raise Errors::VariantInvalidError, "a variant has no option #{name.inspect}.#{hint}"
    end

    # Makes one and throws it away.
    # @api private
    # @return [void]
    # @raise [Errors::VariantInvalidError]
    def self.check(producer, max_wait_timeout: nil, topic_config: {}, default: false, **unknown)
      refuse(unknown) unless unknown.empty?
      new(producer, max_wait_timeout: max_wait_timeout, topic_config: topic_config, default: default)
    end

    # @param producer [Producer]
    # @param max_wait_timeout [Numeric, nil]
    # @param topic_config [Hash{Symbol, String=>Object}]
    # @param default [Boolean]
    # @raise [Errors::VariantInvalidError]
    def initialize(producer, max_wait_timeout: nil, topic_config: {}, default: false)
      @producer = producer
      @own_timeout = check_timeout(max_wait_timeout)
      @max_wait_timeout = max_wait_timeout || producer.config.max_wait_timeout
      @topic_config = check_topic_config(topic_config)
      invalid!("default", default, "true or false") unless [true, false].include?(default)
      invalid!("default", default, "left out where something else is given") if default && !default?
      @target = @topic_config.empty? ? producer : producer.lane(@topic_config)
    end

    # @return [Boolean] nothing is different from the producer
    def default?
      @own_timeout.nil? && @topic_config.empty?
    end

    # @see Producer::Sync#produce_sync
    def produce_sync(message)
      as_current { target.produce_sync(message, @own_timeout) }
    end

    # @see Producer::Sync#produce_many_sync
    def produce_many_sync(messages)
      as_current { target.produce_many_sync(messages, @own_timeout) }
    end

    # @see Producer::Async#produce_async
    def produce_async(message)
      as_current { target.produce_async(message) }
    end

    # @see Producer::Async#produce_many_async
    def produce_many_async(messages)
      as_current { target.produce_many_async(messages) }
    end

    # @see Producer::AfterCommit#produce_after_commit
    def produce_after_commit(message)
      as_current { target.produce_after_commit(message) }
    end

    # @see Producer::AfterCommit#produce_many_after_commit
    def produce_many_after_commit(messages)
      as_current { target.produce_many_after_commit(messages) }
    end

    # @see Producer::Tombstone#tombstone_sync
    def tombstone_sync(message)
      as_current { target.tombstone_sync(message, @own_timeout) }
    end

    # @see Producer::Tombstone#tombstone_many_sync
    def tombstone_many_sync(messages)
      as_current { target.tombstone_many_sync(messages, @own_timeout) }
    end

    # @see Producer::Tombstone#tombstone_async
    def tombstone_async(message)
      as_current { target.tombstone_async(message) }
    end

    # @see Producer::Tombstone#tombstone_many_async
    def tombstone_many_async(messages)
      as_current { target.tombstone_many_async(messages) }
    end

    # @see Producer::Buffer#flush_sync
    def flush_sync
      as_current { @producer.flush_sync(@own_timeout, target) }
    end

    # @see Producer::Buffer#flush_async
    def flush_async
      as_current { @producer.flush_async(target) }
    end

    # @return [String]
    def inspect
      "#<#{self.class} of #{@producer.inspect} max_wait_timeout=#{max_wait_timeout} topic_config=#{topic_config.inspect}>"
    end

    private

    # A client that a test has put in place of the producer's gets what goes through a variant, too.
    def target
      @producer.stubbed? ? @producer : @target
    end

    # Thread's own variables are those of a fiber.
    def as_current
      before = Thread.current[:waterdrop_variant]
      Thread.current[:waterdrop_variant] = self
      yield
    ensure
      Thread.current[:waterdrop_variant] = before
    end

    def check_timeout(value)
      return value if value.nil? || Config::Types::MILLISECONDS.allowed?(value)

      invalid!("max_wait_timeout", value, "a number of milliseconds, 0 or more")
    end

    def check_topic_config(given)
      invalid!("topic_config", given, "a Hash such as { acks: 1 }") unless given.respond_to?(:to_hash)

      config = given.to_hash.to_h { |name, value| [name.to_s, value.to_s] }.freeze
      config.each { |name, value| check_setting(name, value) }
      return config if config.empty? || !@producer.transactional?

      invalid!("topic_config", config, "empty: all messages of a transaction go through one client (max_wait_timeout can differ)")
    end

    def check_setting(name, value)
      unless SETTINGS.include?(name)
        raise Errors::VariantInvalidError, "topic_config has #{name.inspect}, which no topic can have of its own." \
                                           "#{Karafka::Setup.suggestion(name, SETTINGS)}"
      end
      return if !ACKS.include?(name) || %w[all -1].include?(value) || !@producer.idempotent?

      invalid!("topic_config #{name}", value, "all: the producer is idempotent")
    end

    def invalid!(name, value, allowed)
      raise Errors::VariantInvalidError, "#{name} is #{value.inspect}, but must be #{allowed}."
    end
  end

  class Producer
    # WaterDrop's place for it.
    Variant = WaterDrop::Variant
  end
end

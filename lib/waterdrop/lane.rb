# frozen_string_literal: true

require "delegate"

module WaterDrop
  # What a producer's variants with one set of topic settings send through: a producer behind the producer, with a client
  # of its own. It shares the monitor, the middleware and the id; opens, closes and forks with the producer.
  class Lane < Producer
    # Its beginning and its end are not the producer's.
    class Monitor < SimpleDelegator
      UNHEARD = %w[producer.connected producer.disconnecting producer.disconnected producer.closing producer.closed].freeze
      private_constant :UNHEARD

      # @return [Boolean]
      def listening?(name)
        !UNHEARD.include?(name) && super
      end

      # @return [Object, nil] what the block returned
      def instrument(name, payload = {}, &block)
        return block&.call if UNHEARD.include?(name)

        super
      end
    end
    private_constant :Monitor

    class << self
      # @param producer [Producer]
      # @param topic_config [Hash{String=>String}]
      # @return [Producer] a lane; the producer itself where nothing is sent
      # @raise [Errors::VariantInvalidError]
      def for(producer, topic_config)
        config = producer.config.dup
        config.kafka = producer.config.kafka.merge(topic_config)
        config.monitor = Monitor.new(producer.config.monitor)
        return new(config) if config.engine?

        Client.build(config) unless producer.config.kafka.empty?
        producer
      rescue Errors::ConfigurationInvalidError => e
        raise Errors::VariantInvalidError, "topic_config: #{e.message.delete_prefix("config.kafka: ")}"
      end
    end

    # @param config [Config]
    def initialize(config)
      super()
      adopt(config)
    end

    # @param timeout_ms [Numeric]
    # @return [Integer] messages that were not delivered
    def close_lane(timeout_ms)
      close_within(timeout_ms)
    end

    private

    # Nobody is to configure it.
    def made_known(*, **); end
  end
  private_constant :Lane
end

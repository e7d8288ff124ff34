# frozen_string_literal: true

module WaterDrop
  module Clients
    # Sends nothing: what `config.deliver = false` uses. Settings and messages are checked as by the engine; each message
    # gets a partition and the next offset of it, and counts as delivered at once.
    class Dummy
      include Transactions

      # @return [Numeric] ms
      attr_reader :max_wait_timeout

      # @param config [Config, Producer] test helpers give a producer
      # @raise [Errors::ConfigurationInvalidError] librdkafka refuses a setting
      def initialize(config)
        config = config.config if config.is_a?(Producer)
        # Only to have the settings checked; it is never started.
        Client.build(config) unless config.kafka.empty?
        @config = config
        @max_wait_timeout = config.max_wait_timeout
        @max_payload_size = config.max_payload_size
        @places = Places.new((config.kafka[:partitioner] || "consistent_random").to_s)
        @lock = Lock.new
        @in_transaction = nil
      end

      # @return [String] short: a NoMethodError prints it
      def inspect
        "#<#{self.class} of #{@config.id}>"
      end

      # Makes the partitions of a topic known. Other topics have one, and any other that a message asks for.
      # @param topic [String]
      # @param partitions [Integer]
      # @return [void]
      def create_topic(topic, partitions)
        @lock.synchronize { @places.create_topic(topic.to_s, partitions) }
      end

      # @api private
      # @return [nil] there is no engine to send to directly
      def native; end

      # @api private
      # @return [void]
      def start(_producer); end

      # @api private
      # @return [void]
      def keep(_producer); end

      # @api private
      # @return [Karafka::Setup::KafkaSettings] settings of librdkafka
      def kafka
        @config.kafka
      end

      # @api private
      # @param messages [Hash, Array<Hash>]
      # @return [FakeDelivery, Array] the latter where a message cannot be taken
      def produce(messages, _timeout_ms = 0, _tag = 0)
        invalid = Karafka::Native::Producer.check(messages, @max_payload_size)
        return invalid if invalid

        list = messages.is_a?(Hash) ? [messages] : messages
        places = @lock.synchronize { list.map { |message| stored(message, @places.take(message)) } }
        in_transaction(FakeDelivery.new(list, places)).tap { |delivery| announce(delivery, list) }
      end

      # @api private
      # @return [void]
      def on_delivery(delivery, index, label, block)
        block.call(DeliveryReport.of(delivery, index, label) { kafka })
      end

      # @api private
      # @return [true]
      def wait(_delivery, _index, _timeout_ms)
        true
      end

      # @api private
      # @return [0]
      def queue_size
        0
      end

      # @api private
      # @return [true]
      def flush(_timeout_ms)
        true
      end

      # @api private
      # @return [0]
      def purge
        0
      end

      # @api private
      # @return [nil] no broker is away
      def trouble(_waited_ms)
        nil
      end

      # @param topic [String]
      # @return [Integer]
      def partition_count(topic, _timeout_ms = nil)
        @lock.synchronize { @places.partition_count(topic.to_s) }
      end

      # @api private
      # @return [Array(Array, Symbol)]
      def missing_topics(_names)
        [[], :on]
      end

      # @api private
      # @return [0]
      def close(_timeout_ms)
        0
      end

      private

      # @return [Array] place
      def stored(_message, place)
        place
      end

      def announce(delivery, messages)
        heard = @config.monitor.listening?("message.acknowledged")
        return unless heard || delivery.first_failure

        messages.each_index do |index|
          Acknowledgement.announce(@config, self, DeliveryReport.of(delivery, index, messages[index][:label]) { kafka })
        end
      end
    end
  end
end

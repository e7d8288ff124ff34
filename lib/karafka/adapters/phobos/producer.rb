# frozen_string_literal: true

require_relative "../outgoing"

module Phobos
  # Gives a class and its instances `producer`, with {PublicAPI}.
  module Producer
    LOCK = Mutex.new
    private_constant :LOCK

    # @api private
    def self.included(base)
      base.extend(ClassMethods)
    end

    # @return [PublicAPI]
    def producer
      self.class.producer
    end

    # What {Producer} gives the class.
    module ClassMethods
      # @return [PublicAPI]
      def producer
        PublicAPI.shared
      end
    end

    # Sends messages. One connection serves the process, its threads and both kinds of sending.
    class PublicAPI
      # @return [PublicAPI] of this process
      def self.shared
        @shared || LOCK.synchronize { @shared ||= new }
      end

      # Sends a message and waits for the answer.
      # @return [void]
      # @raise [Kafka::DeliveryFailed]
      def publish(topic:, payload:, key: nil, partition_key: nil, headers: nil)
        publish_list([{ topic: topic, payload: payload, key: key, partition_key: partition_key, headers: headers }])
      end

      # Sends a message without waiting.
      # @return [void]
      # @raise [Kafka::BufferOverflow] there was no room for it
      def async_publish(topic:, payload:, key: nil, partition_key: nil, headers: nil)
        async_publish_list([{ topic: topic, payload: payload, key: key, partition_key: partition_key, headers: headers }])
      end

      # @param messages [Array<Hash{Symbol=>Object}>] `topic`, `payload`, `key`, `partition_key`, `headers`
      # @return [void]
      # @raise [Kafka::DeliveryFailed] `failed_messages` are those that did not arrive
      def publish_list(messages)
        all = messages.map { |message| prepared(message) }
        connected.produce_many_sync(all)
        nil
      rescue WaterDrop::Errors::ProduceError => e
        raise ::Kafka::DeliveryFailed.new(e.message, failed_of(all, e)), cause: e
      rescue WaterDrop::Errors::MessageInvalidError => e
        not_sendable(all, e)
      end

      # @param messages [Array<Hash{Symbol=>Object}>]
      # @return [void]
      # @raise [Kafka::BufferOverflow] there was no room for all
      # @raise [Kafka::DeliveryFailed] one cannot be sent, as its topic is no name; none was
      def async_publish_list(messages)
        all = messages.map { |message| prepared(message) }
        connected.produce_many_async(all)
        nil
      rescue WaterDrop::Errors::ProduceError => e
        raise ::Kafka::BufferOverflow, e.message
      rescue WaterDrop::Errors::MessageInvalidError => e
        not_sendable(all, e)
      end

      # @return [Kafka::Client]
      def kafka_client
        @kafka_client ||= Phobos.create_kafka_client("producer")
      end

      # @param kafka_client [Kafka::Client] that of the listener; all share one connection anyway
      # @return [void]
      def configure_kafka_client(kafka_client)
        @kafka_client = kafka_client
      end

      # Delivers what is under way and disconnects; the next message connects again.
      # @return [void]
      def async_producer_shutdown
        LOCK.synchronize { @waterdrop.tap { @waterdrop = nil } }&.close
      end
      alias sync_producer_shutdown async_producer_shutdown

      # @return [WaterDrop::Producer]
      def connected
        @waterdrop || LOCK.synchronize { @waterdrop ||= build }
      end
      alias sync_producer connected
      alias async_producer connected
      alias create_sync_producer connected
      alias create_async_producer connected

      private

      def build
        WaterDrop::Producer.new do |config|
          config.kafka = KafkaSettings.producer
          config.logger = Karafka::App.config.logger
          config.max_payload_size = Karafka::Adapters::Outgoing::LARGEST_BYTES
        end
      end

      # Nothing of the call was sent.
      def not_sendable(messages, error)
        raise ::Kafka::DeliveryFailed.new(error.message, messages), cause: error
      end

      def failed_of(messages, error)
        handles = error.respond_to?(:dispatched) ? error.dispatched : []
        messages.each_with_index.reject { |_, index| handles[index]&.report&.then { |report| report.error.nil? } }.map(&:first)
      end

      # A message without a partition_key is placed by its key.
      def prepared(message)
        found = message.to_hash.transform_keys(&:to_sym).compact
        found[:topic] = found[:topic].to_s
        found[:headers] = Karafka::Adapters::Outgoing.headers(found[:headers]) if found[:headers]
        %i[key partition_key].each { |name| found[name] = found[name].to_s if found.key?(name) }
        found
      end
    end
  end
end

# frozen_string_literal: true

module Karafka
  module Routing
    # Topics that one client of librdkafka consumes: those of a section whose settings of that client are the same.
    class SubscriptionGroup
      # @param consumer_group [ConsumerGroup]
      # @param sections [Array<Section>]
      # @return [Array<SubscriptionGroup>]
      def self.split(consumer_group, sections)
        alike = sections.flat_map do |section|
          section.topics.group_by { |topic| [topic.kafka_settings, offset_reset(topic), topic.assign.nil?] }.values
                 .map { |topics| [section, topics] }
        end
        alike.each_with_index.flat_map do |(section, topics), index|
          next new(section.name, consumer_group, topics, index) if section.clients == 1

          Array.new(section.clients) { |client| new(section.name, consumer_group, topics, index, client).of(section.connections) }
        end
      end

      # A topic without a committed offset starts there: what the routes say, else librdkafka's own setting, else the
      # configuration.
      # @param topic [Topic]
      # @return [String]
      def self.offset_reset(topic)
        by_kafka = topic.kafka_settings[:"auto.offset.reset"]
        topic.explicit?(:initial_offset) || by_kafka.nil? ? topic.initial_offset : by_kafka.to_s
      end

      # @return [String, nil] the name in the routes
      attr_reader :name
      # @return [ConsumerGroup]
      attr_reader :consumer_group
      # @return [Array<Topic>]
      attr_reader :topics
      # @return [Integer] place in its consumer group
      attr_reader :position
      # @return [Integer, nil] which of several clients with the same topics; nil: there is one
      attr_reader :client
      # @return [Multiplexing, nil] how many of them there are
      attr_reader :connections
      # @return [String] unique in the application; the engine's name for it
      attr_reader :id

      # @param name [String, nil]
      # @param consumer_group [ConsumerGroup]
      # @param topics [Array<Topic>]
      # @param position [Integer]
      # @param client [Integer, nil]
      def initialize(name, consumer_group, topics, position, client = nil)
        @name = name
        @consumer_group = consumer_group
        @topics = topics.freeze
        @position = position
        @client = client
        @id = [consumer_group.name, position, client].compact.join("_").freeze
        topics.each { |topic| topic.subscription_group = self } if client.nil? || client.zero?
      end

      # @param connections [Multiplexing] that it is one of
      # @return [self]
      # @api private
      def of(connections)
        @connections = connections
        self
      end

      # @return [String] name of the consumer group in Kafka
      def consumer_group_id
        consumer_group.id
      end

      # @return [Boolean] whether other clients of this process have the same topics
      def multiplexing?
        !client.nil?
      end

      # @return [Hash{Symbol=>Object}, nil] what the engine has to know where the number of clients changes
      def scaling
        connections&.for_engine([consumer_group.name, position].join("_"), client)
      end

      # @return [Array<Topic>] those that this process consumes
      def active_topics
        topics.select(&:active?)
      end

      # @return [Boolean] whether this process consumes any of its topics
      def active?
        topics.any?(&:active?)
      end

      # @return [Hash{Symbol=>Object}] settings of librdkafka that the application made for these topics
      def kafka
        topics.first.kafka_settings
      end

      # @return [String] "earliest", "latest" or "error"
      def initial_offset
        self.class.offset_reset(topics.first)
      end

      # @return [String]
      def inspect
        "#<#{self.class} #{id} #{topics.map(&:name).join(", ")}>"
      end
    end
  end
end

# frozen_string_literal: true

module Karafka
  module Routing
    # Topics that one client of librdkafka consumes: those of a section whose settings of that client are the same.
    class SubscriptionGroup
      # @param consumer_group [ConsumerGroup]
      # @param sections [Array<SubscriptionGroupBlock>]
      # @return [Array<SubscriptionGroup>]
      def self.split(consumer_group, sections)
        alike = sections.flat_map do |section|
          section.topics.group_by { |topic| [topic.kafka_settings, offset_reset(topic), topic.new_partitions, topic.assign.nil?] }.values
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
      # @return [Topics] `find("orders")`, and what an Array has
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
        @topics = Topics.new(topics).freeze
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

      # @return [Setup::KafkaSettings] settings of librdkafka that the application made for these topics
      def kafka_settings
        topics.first.kafka_settings
      end

      # @return [Hash{Symbol=>Object}] the same, with those that come from elsewhere in the configuration
      # @raise [Errors::InvalidConfigurationError] a variable of "group.instance.id" is not set
      def kafka
        own = { "client.id": App.config.client_id, **kafka_settings.to_h }
        own[:"group.instance.id"] = instance_id if instance_id
        { **own, "group.id": consumer_group_id, "auto.offset.reset": initial_offset }
      end

      # Two clients of one group with the same name would fence each other off, so the second and later ones have their place in it.
      # @return [String, nil] "group.instance.id" of its client in this process
      # @raise [Errors::InvalidConfigurationError]
      def instance_id
        template = kafka_settings[:"group.instance.id"]&.to_s or return

        place = [position, client].compact
        place = [] if place.all?(&:zero?) || Setup::InstanceId.placed?(template)
        # The nodes of a swarm have one configuration.
        node = App.config.swarm.node&.id
        [Setup::InstanceId.resolve(template, position: App.routes.subscription_groups.index(self) || 0), *place, *node].join("_")
      end

      # @return [ConsumerGroup]
      def group
        consumer_group
      end

      # @return [String] name of the consumer group in Kafka
      def group_id
        consumer_group_id
      end

      # Each topic has its own; topics that differ share a client here.
      # @return [Integer] the largest of its topics
      def max_messages
        topics.map(&:max_messages).max
      end

      # @return [Integer] the longest of its topics, ms
      def max_wait_time
        topics.map(&:max_wait_time).max
      end

      # @return [String] "earliest", "latest" or "error"
      def initial_offset
        self.class.offset_reset(topics.first)
      end

      # @return [Boolean] whether partitions and topics that come later begin at their end, too, where `initial_offset` is "latest"
      def skip_new_partitions?
        topics.first.new_partitions == "latest"
      end

      # @return [String]
      def inspect
        "#<#{self.class} #{id} #{topics.map(&:name).join(", ")}>"
      end
    end
  end
end

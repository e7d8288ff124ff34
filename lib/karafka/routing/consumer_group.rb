# frozen_string_literal: true

require "monitor"

module Karafka
  module Routing
    # A consumer group of Kafka: topics that are consumed together, each message once in the group.
    # Its block also takes the group settings of Karafka 1.x, whose times are in seconds.
    class ConsumerGroup < Layer
      include JobTopics

      # Some of these names mean something else in a topic.
      (Compat::KafkaNames.names - LEGACY).each { |old| define_method(old) { |value| legacy(old, value) } }

      # @return [String] the name in the routes
      attr_reader :name

      # @param name [String, Symbol]
      # @param builder [Builder]
      def initialize(name, builder)
        @name = Setup::Types::NAME.check("consumer_group", name).dup.freeze
        super("consumer_group #{@name}", builder.defaults_layer)
        @builder = builder
        @sections = []
        @subscription_groups = nil
        @unused = false
        @lock = ::Monitor.new
      end

      # @yield topics and settings
      # @return [void]
      # @api private
      def read_routes(&)
        @unused = topics.empty?
        read_block(&)
      end

      # @return [Boolean] whether it was drawn and no topic in it
      def unused?
        @unused
      end

      # @return [String] the name in Kafka (`group.id`), which a `consumer_mapper` may change
      def id
        mapper = App.config.consumer_mapper
        mapper ? Setup::Types::NAME.check("the group that config.consumer_mapper made of #{name}", mapper.call(name)) : name
      end

      # @param name [String, Symbol, nil]
      # @param settings [Hash{Symbol=>Object}] for all of its topics
      # @yield topics and settings
      # @return [void]
      def subscription_group(name = nil, **settings, &block)
        name = Setup::Types::NAME.check("subscription_group", name) if name
        section = (name && @sections.find { |known| known.name == name }) || add_section(name)
        section.apply(settings)
        section.read_block(&block) if block
      end

      # @param name [String, Symbol, Regexp]
      # @yield the settings of the topic
      # @return [Topic]
      def topic(name, **settings, &)
        implicit_section.topic(name, **settings, &)
      end

      # @param name [String, Symbol, nil] free, for people
      # @param regexp [Regexp]
      # @return [Topic] a pattern
      def pattern(name, regexp = nil, &)
        implicit_section.pattern(name, regexp, &)
      end

      # @return [Topics] `find("orders")`, and what an Array has
      def topics
        Topics.new(@sections.flat_map(&:topics))
      end

      # @return [Array<SubscriptionGroup>] one for each client that is needed
      def subscription_groups
        @subscription_groups || @lock.synchronize { @subscription_groups ||= SubscriptionGroup.split(self, @sections) }
      end

      # Says that the routes changed.
      # @return [void]
      def refresh
        # Another thread may be at it, with what there was before.
        @lock.synchronize { @subscription_groups = nil }
      end

      # Forgets all other topics, and what has none.
      # @param topics [Set<Topic>]
      # @return [void]
      # @api private
      def keep(topics)
        @sections.each { |section| section.topics.select! { |topic| topics.include?(topic) } }
        @sections.reject! { |section| section.topics.empty? }
        refresh
      end

      # @return [Boolean] whether this process consumes any of its topics
      def active?
        topics.any?(&:active?)
      end

      # @param topic [Topic]
      # @return [Boolean] whether the command line leaves it in
      def selects?(topic)
        @builder.selection.include?(topic)
      end

      # Takes a topic whose block has been read: `group` of 2016 may have moved it.
      # @param topic [Topic]
      # @param section [SubscriptionGroupBlock]
      # @return [void]
      def place(topic, section)
        @unused = false
        return @builder.consumer_group(topic.moved_to).adopt(topic) if topic.moved_to && topic.moved_to != name

        section.topics << topic
        refresh
      end

      # @param topic [Topic] of another group's block
      # @return [void]
      def adopt(topic)
        @unused = false
        topic.attach(implicit_section, self)
        implicit_section.topics << topic
        refresh
      end

      # @return [Hash{Symbol=>Object}]
      def to_h
        { id: id, name: name, topics: topics.map(&:to_h) }
      end

      # @return [String]
      def inspect
        "#<#{self.class} #{id}>"
      end

      private

      def implicit_section
        @sections.find(&:implicit?) || add_section(nil, implicit: true)
      end

      def add_section(name, implicit: false)
        SubscriptionGroupBlock.new(name, self, implicit: implicit).tap { |section| @sections << section }
      end

      def known_names
        super + Compat::KafkaNames.names + %i[topic subscription_group pattern] + JobTopics.public_instance_methods +
          NotYet::GROUP
      end
    end
  end
end

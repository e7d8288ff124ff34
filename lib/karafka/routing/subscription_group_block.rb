# frozen_string_literal: true

module Karafka
  module Routing
    # A `subscription_group` block of the routes, or the implicit one around the topics of a consumer group. What its
    # topics need different clients for makes several {SubscriptionGroup}s of it.
    class SubscriptionGroupBlock < Layer
      include JobTopics

      # Whose settings take options.
      WITH_OPTIONS = [FailureSettings, ParallelSettings, SwarmSettings].freeze
      private_constant :WITH_OPTIONS

      # @return [String, nil] nil: without a name
      attr_reader :name
      # @return [Array<Topic>]
      attr_reader :topics

      # @param name [String, nil]
      # @param consumer_group [ConsumerGroup]
      # @param implicit [Boolean]
      def initialize(name, consumer_group, implicit: false)
        super(name ? "subscription_group #{name}" : consumer_group.label, consumer_group)
        @name = name
        @consumer_group = consumer_group
        @topics = []
        @implicit = implicit
        @connections = nil
      end

      # @return [Multiplexing, nil] how many clients consume these topics in this process; nil: one
      attr_reader :connections

      # Consumes the topics with several clients of this process, each with a share of the partitions: for more fetching at
      # a time than one connection gives.
      # @option given [Integer] :max at most so many, 1 to 100
      # @option given [Integer] :min (max) at least so many; in between their number follows that of the partitions
      # @option given [Integer] :boot so many at the start; by default half of max, and at least min
      # @option given [Integer] :scale_delay (60_000) milliseconds between two changes, and without partitions before one goes
      # @return [void]
      # @raise [Errors::InvalidConfigurationError]
      def multiplexing(**given)
        no_others!(:multiplexing, given.keys - Multiplexing::NAMES, Multiplexing::NAMES)
        @connections = Multiplexing.new("#{label} multiplexing", **given)
      end

      # @return [Integer] how many clients there are at most
      def clients
        connections ? connections.max : 1
      end

      # @return [Boolean] whether it is the one without a block
      def implicit?
        @implicit
      end

      # @param settings [Hash{Symbol=>Object}] as the options of `subscription_group`
      # @return [void]
      # @raise [Errors::InvalidConfigurationError]
      def apply(settings)
        settings.each do |setting, value|
          if setting == :kafka then kafka(value)
          elsif setting == :multiplexing then multiplexing(**multiplexing_options(value))
          elsif value.is_a?(Hash) && takes_options?(setting) then public_send(setting, **value)
          elsif TYPES.key?(setting) || FilterSettings::NAMES.include?(setting) then public_send(setting, value)
          else
            method_missing(setting, value)
          end
        end
      end

      # @param name [String, Symbol, Regexp]
      # @yield the settings of the topic
      # @return [Topic]
      def topic(name, **settings, &block)
        topic = Topic.new(name, self, @consumer_group)
        no_settings!(topic.label, settings)
        topic.read_block(&block) if block
        @consumer_group.place(topic, self)
        topic
      end

      # @param name [String, Symbol, nil] free, for people
      # @param regexp [Regexp]
      # @return [Topic] a pattern
      def pattern(name, regexp = nil, &)
        made = topic(regexp || name, &)
        made.pattern_name = name.to_s if regexp && name
        made
      end

      private

      def multiplexing_options(given)
        return given if given.is_a?(Hash)

        Setup.invalid!("#{label} multiplexing", given, "given as { max: 2 }")
      end

      def takes_options?(setting)
        FilterSettings::NAMES.include?(setting) || WITH_OPTIONS.any? { |group| group.method_defined?(setting) }
      end

      def known_names
        super + %i[topic pattern multiplexing] + JobTopics.public_instance_methods + NotYet::GROUP
      end
    end
  end
end

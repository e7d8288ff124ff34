# frozen_string_literal: true

module Karafka
  module Routing
    # One topic, or one pattern of topics, of a consumer group: its consumer and its settings. In the routes each
    # setting is a call with a value; the same call without one says what holds.
    class Topic < Layer
      include ProducedTopics
      include JobRole
      include WorkerSettings

      # @return [String] the name in the routes; of a pattern its expression
      attr_reader :name
      # @return [String, nil] what the routes call a pattern
      attr_accessor :pattern_name
      # @return [Regexp, nil] of a pattern
      attr_reader :regexp
      # @return [ConsumerGroup]
      attr_reader :consumer_group
      # @param group [SubscriptionGroup] the client that consumes it
      attr_writer :subscription_group

      # @param name [String, Symbol, Regexp]
      # @param parent [SubscriptionGroupBlock]
      # @param consumer_group [ConsumerGroup]
      def initialize(name, parent, consumer_group)
        super("topic #{name.is_a?(Regexp) ? name.inspect : name}", parent)
        @consumer_group = consumer_group
        @consumer = nil
        @assigned = nil
        @moved_to = nil
        if name.is_a?(Regexp)
          @regexp = name
          @name = PosixRegexp.posix(name).freeze
        else
          @name = Setup::Types::NAME.check("topic", name).dup.freeze
        end
      end

      # @param klass [Class, String, Symbol] a Class, or its name where it cannot be loaded yet
      # @return [Class, nil] without an argument: the class, looked up again where instances do not persist, so that
      #   reloaded code is used
      def consumer(klass = UNSET)
        return @consumer = klass.is_a?(Symbol) ? klass.to_s : klass unless UNSET.equal?(klass)

        reading!(:consumer, "consumer SomeConsumer")

        case @consumer
        when String then constantize(@consumer, "consumer")
        when Class then !consumer_persistence && @consumer.name ? constantize(@consumer.name, "consumer") : @consumer
        else @consumer
        end
      end
      # Its name of 2016.
      alias controller consumer

      # @return [Class, nil] the class, as {#consumer} without an argument
      def consumer_class
        consumer
      end

      # @return [Object] what was given to {#consumer}, as it was given
      def declared_consumer
        @consumer
      end

      # The consumer group of this topic, as the routes of 2016 say it.
      # @param name [String, Symbol]
      # @return [ConsumerGroup] without an argument
      def group(name = UNSET)
        return @moved_to = name.to_s unless UNSET.equal?(name)

        reading!(:group)
        consumer_group
      end

      # @return [String, nil] the group that {#group} has moved it to
      # @api private
      attr_reader :moved_to

      # @return [DeclarativeSettings::Declaration] how the topic is to be created, as `config` without arguments
      def declaratives
        config
      end

      # @return [Boolean] whether it says how it is to be created
      def declaratives?
        declaratives.active?
      end

      # @return [Hash{Symbol=>Object}] of the client that consumes it
      def subscription_group_details
        group = subscription_group
        { id: group.id, name: group.name, position: group.position, multiplexing: group.multiplexing? }
      end

      # @return [Boolean] whether messages that failed wait in it, see {RetryTopic}
      def retry_topic?
        false
      end

      # Takes partitions without sharing them in the consumer group: every process gets all of them. Offsets are committed
      # under the group's name.
      # @param what [Array<true, Integer, Range>] true: every partition there is; else their numbers
      # @return [Array<Integer>, nil] without an argument: the numbers, empty for all; nil: the group assigns
      # @raise [Errors::InvalidConfigurationError]
      def assign(*what)
        if what.empty?
          reading!(:assign, "assign true, or assign(0, 2..4)")
          return @assigned && (setting(:swarm)&.partitions(App.config.swarm.node) || @assigned)
        end

        Setup.invalid!("#{label} assign", what, "left out for a pattern: it needs the name of a topic") if pattern?
        @assigned = what == [true] ? [].freeze : partition_numbers(what)
      end

      # Puts the topic into another group.
      # @param section [SubscriptionGroupBlock]
      # @param consumer_group [ConsumerGroup]
      # @return [void]
      def attach(section, consumer_group)
        @parent = section
        @consumer_group = consumer_group
      end

      # @return [Integer] at most so many messages in a batch; one where `batch_fetching` is off
      def max_messages(value = UNSET)
        return super unless UNSET.equal?(value)

        reading!(:max_messages)
        setting(:batch_fetching) ? super : 1
      end

      # @return [Throttle, nil] its own, with the numbers of `defaults` where it sets none
      def throttle(none = UNSET, **given)
        return super unless UNSET.equal?(none) && given.empty?

        reading!(:throttle, THROTTLED)
        @throttle ||= default_throttle&.for(label)
      end

      # @return [Array<Throttle>] all that hold for it: its own, and those it shares
      def throttles
        [throttle, parent.throttle, consumer_group.throttle].compact
      end

      # @return [SubscriptionGroup] the client that consumes it
      def subscription_group
        # Which topics share a client is worked out for the whole group.
        consumer_group.subscription_groups
        @subscription_group
      end

      # @return [Boolean] whether it is a pattern
      def pattern?
        !regexp.nil?
      end

      alias patterns? pattern?

      # @return [Boolean] whether several of its batches run at once
      def virtual_partitions?
        !parallel.nil?
      end

      # @return [Boolean] whether its rate is limited, by itself or with others
      def throttling?
        throttles.any?
      end

      # @return [Boolean] whether messages wait until they have an age
      def delaying?
        !delay_by.nil?
      end

      # @return [Boolean] whether old messages are left out
      def expiring?
        !expire_after.nil?
      end

      # @return [Boolean] whether not all messages are handed over, or not at once
      def filtering?
        !only.nil? || throttling? || delaying? || expiring? || filters.any?
      end

      # @return [Boolean] whether this process consumes it: `active`, with a consumer (one that is only to be created has
      #   none), not left out on the command line, and not for other nodes of the swarm
      def active?
        active && !declared_consumer.nil? && consumer_group.selects?(self) && (setting(:swarm)&.include?(App.config.swarm.node) != false)
      end

      # @return [String] unique in the application
      def id
        "#{consumer_group.id}_#{name}"
      end

      # @return [String] the name in Kafka, which a `topic_mapper` may change
      def subscription_name
        name.start_with?("^") ? name : TopicNames.in_kafka(name)
      end

      # @param found [String] of a topic that matches, as the application calls it
      # @return [Topic] of a pattern: the same route for that topic alone
      def for(found)
        return self unless pattern?

        dup.tap { |topic| topic.name = found }
      end

      # @param topic [String] a name in Kafka
      # @return [Boolean] whether messages of that topic belong here
      def matches?(topic)
        pattern? ? regexp.match?(topic) : subscription_name == topic
      end

      # @return [Array<RetryTopic>] its stages, in order
      def retry_stages
        consumer_group.topics.select { |topic| topic.is_a?(RetryTopic) && topic.retry_of.equal?(self) }.sort_by(&:stage)
      end

      # @return [RetryTopic, nil] where a message goes that failed here; nil: to the dead letter queue
      def next_stage
        retry_stages.first
      end

      # @return [Integer] attempts that a message has behind it when it arrives
      def earlier_attempts
        0
      end

      # @return [Hash{Symbol=>Object}]
      def to_h
        TYPES.keys.to_h { |setting| [setting, public_send(setting)] }.merge(
          id: id, name: name, pattern: pattern?, consumer: declared_consumer, responder: declared_responder,
          consumer_group_id: consumer_group.id, subscription_name: subscription_name, dead_letter_queue: dead_letter_queue.to_h,
          retry_topics: retry_topics,
          kafka: kafka_settings.to_display
        )
      end

      # @return [String]
      def inspect
        "#<#{self.class} #{id}>"
      end

      protected

      attr_writer :name

      private

      def partition_numbers(given)
        numbers = given.flatten.flat_map { |one| one.is_a?(Range) && one.end ? one.to_a : [one] }
        return numbers.uniq.sort.freeze if numbers.any? && numbers.all? { |one| one.is_a?(Integer) && one.between?(0, Setup::Types::MOST) }

        Setup.invalid!("#{label} assign", given, "true for all partitions, or their numbers, such as assign(0, 2..4)")
      end

      def constantize(class_name, setting)
        Object.const_get(class_name)
      rescue NameError => e
        reason = e.message.start_with?("wrong constant name") ? no_class_name(setting) : e.message.lines.first.strip
        raise Errors::InvalidConfigurationError, "#{label} #{setting} is #{class_name}, which cannot be loaded: #{reason}"
      end

      def no_class_name(setting) = "that is no name of a class, such as \"Orders#{setting.capitalize}\""

      def known_names
        super + %i[consumer controller group assign responder produces worker interchanger] + NotYet::TOPIC
      end

      def kind
        :topic
      end
    end
  end
end

# frozen_string_literal: true

module Karafka
  module Routing
    # `dead_letter_queue` of a topic: where messages go that cannot be processed, and when.
    class DeadLetterQueue
      T = Setup::Types
      METHODS = ->(*names) { T.one_of(*names) }
      # A limit for what may go there before the partition stops.
      STOP_AFTER = Setup::Type.new("a Hash of consecutive: (an Integer of at least 1), ratio: (above 0, up to 1) or both") do |value|
        value.is_a?(Hash) && !value.empty? && (value.keys - %i[consecutive ratio]).empty? &&
          value.fetch(:consecutive, 1).then { |count| count.is_a?(Integer) && count.positive? } &&
          value.fetch(:ratio, 1).then { |ratio| ratio.is_a?(Numeric) && ratio.positive? && ratio <= 1 }
      end
      TYPES = {
        topic: Setup::Type.new("the name of a topic, or false to skip without one", convert: T::NAME.method(:convert)) do |value|
          value == false || T::NAME.allowed?(value)
        end,
        max_retries: T::NATURAL,
        independent: T::BOOLEAN,
        transactional: T::BOOLEAN,
        dispatch_method: METHODS[:produce_async, :produce_sync],
        marking_method: METHODS[:mark_as_consumed, :mark_as_consumed!],
        mark_after_dispatch: T.optional(T::BOOLEAN),
        stop_after: T.optional(STOP_AFTER),
        too_large: METHODS[:wait, :without_payload]
      }.freeze
      DEFAULTS = {
        topic: nil, max_retries: 3, independent: false, transactional: true, dispatch_method: :produce_async,
        marking_method: :mark_as_consumed, mark_after_dispatch: nil, stop_after: nil, too_large: :wait
      }.freeze
      private_constant :T, :METHODS, :STOP_AFTER

      # @param label [String] for messages
      # @param options [Hash{Symbol=>Object}]
      # @return [Hash{Symbol=>Object}] in the form that is kept
      # @raise [Errors::InvalidConfigurationError, Errors::UnsupportedFeatureError]
      def self.check(label, options)
        options.to_h do |name, value|
          if name == :strategy
            raise Errors::UnsupportedFeatureError.for("`strategy` of #{label}",
                                                      "Raise Karafka::Reject, Karafka::RetryLater or Karafka::Skip.")
          end

          Setup.unknown!("option", name, TYPES.keys, prefix: "#{label} ") unless TYPES.key?(name)

          [name, TYPES[name].check("#{label} #{name}", value)]
        end
      end

      TYPES.each_key { |name| define_method(name) { @options.fetch(name) } }
      alias independent? independent
      alias transactional? transactional

      # @param given [Hash{Symbol=>Object}] checked
      # @param manual [Boolean] offset management of the topic
      # @param moves [Boolean] whether the topic has retry topics: then retrying is their task
      def initialize(given, manual: false, moves: false)
        @given = given
        @manual = manual
        @options = DEFAULTS.merge(moves ? { max_retries: 0 } : {}).merge(given)
      end

      # @return [Boolean] whether a topic (or false) was named
      def active?
        !topic.nil?
      end

      # @return [Boolean] whether the user wants no second try at all
      def at_once?
        @given[:max_retries] == 0 # rubocop:disable Style/NumericPredicate -- may be nil
      end

      # @return [Boolean] whether something was said about it, but not where to
      def incomplete?
        @given.any? && !@given.key?(:topic)
      end

      # @return [Boolean] whether a dead letter counts as processed; by default not where offsets are managed by hand
      def mark_after_dispatch?
        mark_after_dispatch.nil? ? !@manual : mark_after_dispatch
      end

      # @return [String, false, nil] the name in Kafka, which a `topic_mapper` may change
      def kafka_topic
        TopicNames.in_kafka(topic)
      end

      # @return [Hash{Symbol=>Object}]
      def to_h
        @options.merge(active: active?)
      end

      # @return [String]
      def to_s
        target = topic == false ? "skipped" : topic
        "#{target} after #{max_retries} #{max_retries == 1 ? "retry" : "retries"}"
      end
    end
  end
end

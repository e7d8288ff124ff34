# frozen_string_literal: true

module Karafka
  module Responders
    # The messages of one call of a responder: takes them, checks them against the declared topics, sends them.
    class Outbox
      # Options of `respond_to` and the producer's names for them.
      OPTIONS = {
        key: :key, partition: :partition, partition_key: :partition_key, headers: :headers, label: :label,
        timestamp: :timestamp, create_time: :timestamp
      }.freeze
      # A message for the producer, and the declaration of its topic.
      Entry = Struct.new(:topic, :message)
      private_constant :OPTIONS, :Entry

      # @param keywords [Hash{Symbol=>Object}]
      # @return [Boolean] whether they may all be options of `respond_to`
      def self.options?(keywords)
        keywords.each_key.all? { |name| OPTIONS.key?(name) }
      end

      # @param responder [Class<BaseResponder>]
      # @param serializer [#call, nil] of topics that declare none
      def initialize(responder, serializer = nil)
        @responder = responder
        @topics = responder.topics
        @serializer = serializer || App.config.serializer || Serializers::Json::Serializer.default
        @entries = []
        @used = {}
      end

      # @param name [Symbol, String]
      # @param data [Object]
      # @param options [Hash{Symbol=>Object}]
      # @return [void]
      # @raise [Errors::InvalidResponderUsageError, Errors::InvalidResponderMessageOptionsError, Errors::SerializationError]
      def add(name, data, options)
        topic = @topics[name.to_s] || raise(Errors::UnregisteredTopicError, unregistered(name))
        if @used[topic.name] && !topic.multiple_usage?
          raise Errors::TopicMultipleUsageError,
                "#{@responder} used the topic #{topic.name} more than once in one call. Declare it with " \
                "`topic #{topic.name.to_sym.inspect}, multiple_usage: true` if that is meant."
        end

        fulfilled!(topic, options)
        # Serialised here: what the caller does with the object later does not matter.
        message = { topic: Routing::TopicNames.in_kafka(topic.name), payload: serialize(topic, data) }
        options.each { |option, value| message[option(topic, option)] = value }
        @used[topic.name] = true
        @entries << Entry.new(topic, message)
        nil
      end

      # Sends everything in one call of the producer, or in one transaction.
      # @param producer [WaterDrop::Producer]
      # @return [Array<WaterDrop::DeliveryHandle>]
      # @raise [Errors::UnusedResponderRequiredTopicError, Errors::InvalidResponderMessageOptionsError]
      # @raise [WaterDrop::Errors::ProduceError]
      def deliver(producer)
        complete!
        return [] if @entries.empty?

        producer.transactional? ? producer.transaction { dispatch(producer) } : dispatch(producer)
      rescue WaterDrop::Errors::MessageInvalidError => e
        # None of the messages was sent.
        topic = @entries[e.index]&.topic&.name
        raise Errors::InvalidResponderMessageOptionsError, "#{@responder}, a message for the topic #{topic}: #{e.message}"
      end

      # @return [Hash{String=>Array<Array(String, Hash)>}] payloads and options by topic
      def to_h
        @entries.group_by { |entry| entry.topic.name }.transform_values do |entries|
          entries.map { |entry| [entry.message[:payload], entry.message.except(:payload, :topic)] }
        end
      end

      private

      def fulfilled!(topic, options)
        contract = @responder.options_contract or return
        result = contract.call(options.merge(topic: topic.name))
        return if result.success?

        raise Errors::InvalidResponderMessageOptionsError,
              "#{@responder}, a message for the topic #{topic.name}: " \
              "#{result.errors.to_h.map { |part, text| "#{part} #{text}" }.join(", ")}"
      end

      def unregistered(name)
        nearest = Setup.suggestion(name, @topics.keys) if @topics.any?
        "#{@responder} responds to the topic #{name}, which it does not declare with `topic`.#{nearest}"
      end

      def complete!
        missing = @topics.each_value.select { |topic| topic.required? && !@used[topic.name] }.map(&:name)
        return if missing.empty?

        raise Errors::UnusedResponderRequiredTopicError,
              "#{@responder} has to respond to the topic#{"s" if missing.size > 1} #{missing.join(" and ")} in each call, and did " \
              "not; nothing was sent. Declare `required: false` if that is meant."
      end

      def option(topic, name)
        OPTIONS[name] || raise(
          Errors::InvalidResponderMessageOptionsError,
          "#{@responder}, a message for the topic #{topic.name}: unknown option `#{name}`.#{Setup.suggestion(name, OPTIONS.keys)}"
        )
      end

      # @return [String, nil] nil: a tombstone
      def serialize(topic, data)
        # A tombstone that is passed on stays one.
        return if data.is_a?(Messages::Message) && data.tombstone? && data.payload.nil?

        serializer = topic.serializer || @serializer
        payload = serializer.call(Serializers.unwrap(data))
        return payload if payload.nil? || payload.is_a?(String)

        raise Errors::SerializationError, "#{serializer_name(serializer)} gave #{payload.class}, but must give a String or nil"
      rescue StandardError => e
        raise Errors::SerializationError, "#{@responder} cannot serialize what it sends to the topic #{topic.name}: #{e.message}"
      end

      def serializer_name(serializer)
        serializer.is_a?(Module) ? serializer.name : serializer.class.name
      end

      def dispatch(producer)
        messages = @entries.map(&:message)
        waiting = @entries.reject { |entry| entry.topic.async? }
        return producer.produce_many_async(messages) if waiting.empty?
        return producer.produce_many_sync(messages) if waiting.size == messages.size

        # Still one call, so that a message which is not valid holds back all of them.
        handles = producer.produce_many_async(messages)
        @entries.each_with_index { |entry, index| handles[index].wait unless entry.topic.async? }
        handles
      end
    end
  end
end

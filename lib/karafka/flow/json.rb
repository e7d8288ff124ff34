# frozen_string_literal: true

require "json"

module Karafka
  module Flow
    # For machines.
    class Json
      # @param topics [Array<Routing::Topic>] incoming ones
      def initialize(topics)
        @topics = topics
      end

      # @return [Hash{Symbol=>Object}]
      def to_h
        { application: App.config.client_id, topics: @topics.map { |topic| incoming(topic) } }
      end

      # @return [String]
      def to_s
        "#{JSON.pretty_generate(to_h)}\n"
      end

      private

      def incoming(topic)
        {
          name: Flow.topic_name(topic), kafka_name: (topic.subscription_name unless topic.pattern?), pattern: topic.pattern?,
          consumer_group: topic.consumer_group.id, consumer: topic.consumer.to_s, responder: topic.responder&.to_s,
          outgoing: topic.outgoing_topics.map { |target| outgoing(target) }
        }
      end

      def outgoing(target)
        { name: target.name, kafka_name: target.kafka_name, kind: target.kind, required: target.required,
          multiple_usage: target.multiple_usage, async: target.async }
      end
    end
  end
end

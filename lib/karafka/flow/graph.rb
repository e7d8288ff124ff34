# frozen_string_literal: true

module Karafka
  module Flow
    # Nodes and edges of a picture: topics, consumers, and what goes between them.
    class Graph
      # `target` is nil where a topic leads to its consumer.
      Edge = Struct.new(:from, :to, :target) do
        # @return [String, nil]
        def label
          target && [Flow.usage(target), Flow.note(target)].compact.join(", ")
        end

        # @return [Boolean] whether it is not always used
        def conditional?
          !target.nil? && !target.required
        end
      end

      # @return [Hash{String=>String}] name of a topic => id of its node
      attr_reader :topics
      # @return [Array<Array(String, String)>] what is written on a consumer, and the id of its node; one for each route
      attr_reader :consumers
      # @return [Array<Edge>] between ids
      attr_reader :edges

      # @param incoming [Array<Routing::Topic>]
      def initialize(incoming)
        @topics = {}
        @consumers = []
        @edges = []
        incoming.each { |topic| draw(topic) }
      end

      private

      def draw(topic)
        consumer = consumer_node("#{topic.consumer}\n#{topic.consumer_group.name}")
        @edges << Edge.new(topic_node(Flow.topic_name(topic)), consumer, nil)
        topic.outgoing_topics.each { |target| @edges << Edge.new(consumer, topic_node(target.name), target) }
      end

      def topic_node(name)
        @topics[name] ||= "t#{@topics.size + 1}"
      end

      # Not one for all routes of a class: what comes in by one of them need not go where another one's does.
      def consumer_node(label)
        @consumers << [label, "c#{@consumers.size + 1}"]
        @consumers.last.last
      end
    end
  end
end

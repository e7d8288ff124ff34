# frozen_string_literal: true

module Karafka
  # Which topics lead to which, as routes and responders declare it.
  module Flow
    # What turns the list of topics into text.
    FORMATS = { "text" => "Text", "json" => "Json", "dot" => "Dot", "mermaid" => "Mermaid", "asyncapi" => "AsyncApi" }.freeze

    class << self
      # @param format [String] one of {FORMATS}
      # @param topics [Enumerable<Routing::Topic>]
      # @param json [Boolean] AsyncAPI as JSON instead of YAML
      # @return [String]
      def render(format, topics: App.routes.topics, json: false)
        renderer = const_get(FORMATS.fetch(format)).new(incoming(topics))
        json && renderer.respond_to?(:to_json_text) ? renderer.to_json_text : renderer.to_s
      end

      # @param topics [Enumerable<Routing::Topic>]
      # @return [Array<Routing::Topic>] those that are consumed, by name
      def incoming(topics)
        topics.select { |topic| topic.active && topic.consumer }.sort_by { |topic| [topic_name(topic), topic.consumer_group.name] }
      end

      # @param topic [Routing::Topic]
      # @return [String] as the application calls it
      def topic_name(topic)
        topic.pattern? ? topic.regexp.inspect : topic.name
      end

      # @param target [Routing::ProducedTopics::Target]
      # @return [String] such as "always, exactly once"
      def usage(target)
        "#{target.required ? "always" : "conditionally"}, #{target.multiple_usage ? "one or more" : "exactly once"}"
      end

      # @param target [Routing::ProducedTopics::Target]
      # @return [String, nil] what sends there, where that is neither a responder nor `produces`
      def note(target)
        target.kind.to_s.tr("_", " ") unless %i[responder declared].include?(target.kind)
      end
    end
  end
end

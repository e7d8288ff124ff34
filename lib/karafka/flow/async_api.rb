# frozen_string_literal: true

require "json"
require "yaml"

module Karafka
  module Flow
    # An AsyncAPI 3.0 document: topics are channels, consuming and producing are operations. What the messages look like is
    # not declared in an application, so it is left open.
    class AsyncApi
      BINDING = "0.5.0"
      private_constant :BINDING

      # @param topics [Array<Routing::Topic>] incoming ones
      def initialize(topics)
        @topics = topics
        @channels = {}
        @operations = {}
        # Their names in Kafka, or patterns => ids of channels.
        @ids = {}
        topics.each { |topic| add(topic) }
      end

      # @return [Hash{String=>Object}]
      def to_h
        {
          "asyncapi" => "3.0.0",
          "info" => { "title" => App.config.client_id, "version" => "0.0.0",
                      "description" => "Topics that #{App.config.client_id} consumes and produces to, as its routes declare them." },
          "defaultContentType" => "application/json",
          "servers" => servers, "channels" => @channels, "operations" => @operations
        }
      end

      # @return [String] YAML
      def to_s
        YAML.dump(to_h, line_width: -1)
      end

      # @return [String]
      def to_json_text
        "#{JSON.pretty_generate(to_h)}\n"
      end

      private

      def add(topic)
        group = topic.consumer_group
        channel = topic.pattern? ? pattern_channel(topic) : channel(topic.subscription_name, topic.config)
        operation("receive_#{channel}_#{safe(group.id)}", "receive", channel, "#{topic.consumer} consumes it in the group #{group.id}.",
                  "groupId" => { "type" => "string", "enum" => [group.id] }, "bindingVersion" => BINDING)
        topic.outgoing_topics.each { |target| add_target(topic, target) }
      end

      def add_target(topic, target)
        channel = channel(target.kafka_name)
        by = [topic.responder || topic.consumer, Flow.note(target)].compact.join(", ")
        operation("send_#{channel}_by_#{safe(topic.consumer.to_s)}_of_#{id_of(topic)}", "send", channel,
                  "For what comes in by #{Flow.topic_name(topic)}: #{Flow.usage(target)} (#{by}).")
      end

      def channel(name, declaration = nil)
        id = @ids[name] ||= unique(safe(name), @channels)
        channel = @channels[id] ||= { "address" => name, "messages" => { "message" => { "name" => name } },
                                      "bindings" => { "kafka" => { "topic" => name, "bindingVersion" => BINDING } } }
        if declaration&.active?
          channel["bindings"]["kafka"].merge!("partitions" => declaration.partitions, "replicas" => declaration.replication_factor)
        end
        id
      end

      # Which topics these are is known only in Kafka.
      def pattern_channel(topic)
        name = Flow.topic_name(topic)
        id = @ids[name] ||= unique(safe("pattern_#{topic.name}"), @channels)
        @channels[id] ||= { "address" => nil, "description" => "Topics that match #{name}.",
                            "messages" => { "message" => { "name" => "message" } } }
        id
      end

      def operation(id, action, channel, summary, binding = nil)
        reference = { "$ref" => "#/channels/#{channel}" }
        operation = { "action" => action, "channel" => reference, "summary" => summary,
                      "messages" => [{ "$ref" => "#/channels/#{channel}/messages/message" }] }
        operation["bindings"] = { "kafka" => binding } if binding
        @operations[unique(id, @operations)] = operation
      end

      def id_of(topic)
        "#{@ids.fetch(topic.pattern? ? Flow.topic_name(topic) : topic.subscription_name)}_#{safe(topic.consumer_group.id)}"
      end

      # Ids stand in references, where other characters would have to be escaped.
      def safe(text)
        text.gsub(/[^A-Za-z0-9._-]+/, "_")
      end

      def unique(id, taken)
        return id unless taken.key?(id)

        (2..).each { |number| return "#{id}_#{number}" unless taken.key?("#{id}_#{number}") }
      end

      def servers
        kafka = App.config.kafka
        protocol = kafka[:"security.protocol"].to_s.downcase.end_with?("ssl") ? "kafka-secure" : "kafka"
        kafka[:"bootstrap.servers"].to_s.split(",").map(&:strip).each_with_index.to_h do |host, index|
          ["kafka#{index + 1}", { "host" => host, "protocol" => protocol }]
        end
      end
    end
  end
end

# frozen_string_literal: true

require "json"

module Karafka
  module Cli
    # `karafka routes`
    class RoutesCommand
      # Shown where they differ from the configuration.
      SETTINGS = (Routing::Layer::TYPES.keys - %i[active]).freeze
      private_constant :SETTINGS

      # @param json [Boolean, nil] for programs
      # @param out [IO]
      def initialize(json: false, out: $stdout)
        @json = json
        @out = out
      end

      # @return [Integer] exit status
      def call
        Boot.load_aside!
        groups = App.routes.reject { |group| group.topics.empty? }
        if @json
          @out.puts(JSON.pretty_generate(consumer_groups: groups.map { |group| group_data(group) }))
          return OK
        end

        @out.puts("No topics. Draw some: Karafka::App.routes.draw { topic(:name) { consumer Klass } }") if App.routes.topics.empty?
        groups.each { |group| group(group) }
        OK
      end

      private

      def group_data(group)
        subscriptions = group.subscription_groups.reject { |subscription| subscription.client&.positive? }
        { id: group.id, name: group.name, subscription_groups: subscriptions.map do |subscription|
          { id: subscription.id, name: subscription.name, connections: subscription.connections&.to_s,
            topics: subscription.topics.map { |topic| topic_data(topic) } }
        end }
      end

      def topic_data(topic)
        settings = different_settings(topic).to_h { |name| [name, topic.setting(name)] }
        { name: topic.name, topic: topic.pattern? ? nil : topic.subscription_name, pattern: (topic.regexp.source if topic.pattern?),
          active: topic.active, consumer: topic.declared_consumer&.to_s, settings: settings.transform_values { |value| plain(value) },
          kafka: topic.kafka == Routing::ConfigDefaults.kafka_settings ? nil : topic.kafka.to_display,
          notes: failures(topic) + handing_over(topic) }.compact
      end

      def plain(value)
        [nil, true, false].include?(value) || value.is_a?(Numeric) ? value : value.to_s
      end

      def different_settings(topic)
        SETTINGS.reject { |name| topic.setting(name) == Routing::ConfigDefaults.setting(name) }
      end

      def group(group)
        @out.puts("consumer group #{group.id}#{" (#{group.name} in the routes)" unless group.id == group.name}")
        group.subscription_groups.each do |subscription|
          next if subscription.client&.positive?

          connections = " (#{subscription.connections})" if subscription.connections
          @out.puts("  subscription group #{[subscription.id, subscription.name].compact.join(" ")}#{connections}")
          subscription.topics.each { |topic| topic(topic) }
        end
      end

      def topic(topic)
        name = topic.pattern? ? topic.regexp.inspect : topic.subscription_name
        name += " (#{topic.name} in the routes)" unless topic.pattern? || topic.subscription_name == topic.name
        name += " [inactive]" unless topic.active
        @out.puts("    #{name} -> #{topic.declared_consumer || "no consumer"}#{differences(topic)}")
      end

      def differences(topic)
        different = different_settings(topic)
        kafka = topic.kafka == Routing::ConfigDefaults.kafka_settings ? [] : [:kafka]
        failures = failures(topic) + handing_over(topic)
        return if (different + kafka + failures).empty?

        shown = failures + different.map { |name| "#{name}: #{topic.setting(name)}" }
        shown << "kafka: #{topic.kafka}" if kafka.any?
        "  (#{shown.join(", ")})"
      end

      # How messages get to the consumer, and where it answers.
      def handing_over(topic)
        parallel = topic.parallel
        shown = []
        shown << "parallel: by #{parallel.by.is_a?(Symbol) ? parallel.by : "a block"}, limit #{parallel.limit}" if parallel
        shown << "only: some messages" if topic.only
        shown << "assign: #{topic.assign.empty? ? "all partitions" : topic.assign.join(", ")}" if topic.assign
        topic.throttles.each { |throttle| shown << "throttle: #{throttle.limit} in #{throttle.interval} ms" }
        shown << "responder: #{topic.responder}" if topic.responder
        shown
      end

      def failures(topic)
        shown = []
        shown << "retry of #{topic.retry_of.subscription_name} after #{topic.retry_delay} ms" if topic.is_a?(Routing::RetryTopic)
        shown << "retry_topics: #{topic.retry_topics}" unless topic.retry_topics.empty?
        shown << "dead_letter_queue: #{topic.dead_letter_queue}" if topic.dead_letter_queue?
        shown
      end
    end
  end
end

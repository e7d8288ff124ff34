# frozen_string_literal: true

module Karafka
  module Cli
    # `karafka routes`
    class RoutesCommand
      # Shown where they differ from the configuration.
      SETTINGS = (Routing::Layer::TYPES.keys - %i[active]).freeze
      private_constant :SETTINGS

      # @param out [IO]
      def initialize(out: $stdout)
        @out = out
      end

      # @return [Integer] exit status
      def call
        Boot.load_aside!
        @out.puts("No topics. Draw some: Karafka::App.routes.draw { topic(:name) { consumer Klass } }") if App.routes.topics.empty?
        App.routes.reject { |group| group.topics.empty? }.each { |group| group(group) }
        OK
      end

      private

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
        different = SETTINGS.reject { |name| topic.setting(name) == Routing::Root.setting(name) }
        kafka = topic.kafka == Routing::Root.kafka_settings ? [] : [:kafka]
        failures = failures(topic) + handing_over(topic)
        return if (different + kafka + failures).empty?

        shown = failures + different.map { |name| "#{name}: #{topic.setting(name)}" }
        shown << "kafka: #{Setup::KafkaSettings.new(topic.kafka).to_display}" if kafka.any?
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

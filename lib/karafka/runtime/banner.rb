# frozen_string_literal: true

module Karafka
  # What a server says when it begins: versions, and which groups consume which topics from which brokers.
  # @api private
  module Banner
    # More names than this are only counted.
    MOST_TOPICS = 20
    # librdkafka's default, ms.
    SESSION_TIMEOUT = 45_000
    private_constant :MOST_TOPICS, :SESSION_TIMEOUT

    class << self
      # @param groups [Array<Routing::SubscriptionGroup>]
      # @param workers [Integer]
      # @return [Array<String>]
      def lines(groups, workers)
        ["Karafka #{VERSION}, librdkafka #{Engine.librdkafka_version}, Ruby #{RUBY_VERSION} (#{RUBY_PLATFORM}), " \
         "#{Karafka.env}, #{workers} workers", *groups.map { |group| joining(group) }]
      end

      private

      def joining(group)
        name = group.consumer_group.id
        topics = group.active_topics.map { |topic| topic.subscription_name.to_s }.uniq
        names = NameList.short(topics, MOST_TOPICS)
        return "[#{group.id}] Consuming #{names} from #{brokers(group)} for the group #{name}" if group.active_topics.any?(&:assign)

        "[#{group.id}] Joining group #{name} for #{names} at #{brokers(group)} (#{wait(group)})"
      end

      def brokers(group)
        group.kafka[:"bootstrap.servers"]
      end

      # A member that was killed is waited for as long as its session lasts.
      def wait(group)
        kafka = group.kafka
        return "the broker decides how long that takes" if kafka[:"group.protocol"].to_s.casecmp?("consumer")

        timeout = (kafka[:"session.timeout.ms"] || default_session(kafka)).to_i
        "up to #{(timeout / 1_000.0).ceil} s, where a member was killed"
      end

      # As {Engine::Config} sets it.
      def default_session(kafka)
        short = !kafka.key?(:"heartbeat.interval.ms") && BuiltInBroker.at?(kafka[:"bootstrap.servers"])
        short ? BuiltInBroker::SESSION_TIMEOUT_MS : SESSION_TIMEOUT
      end
    end
  end
end

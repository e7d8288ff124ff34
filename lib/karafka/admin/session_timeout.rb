# frozen_string_literal: true

module Karafka
  class Admin
    # How long Kafka takes a process that was killed for a member. Brokers do not say when they last heard from one.
    # @api private
    module SessionTimeout
      # librdkafka's and Kafka's own defaults.
      DEFAULT_MS = 45_000
      # Of a group that brokers time (KIP-848).
      SETTING = "consumer.session.timeout.ms"
      private_constant :DEFAULT_MS, :SETTING

      class << self
        # @param session [Connection::Session]
        # @param group [Group]
        # @return [Integer] seconds, at most
        def of(session, group)
          milliseconds = group.type == :consumer ? of_brokers(session, group.id) : of_routes(group.id)
          (milliseconds / 1_000.0).ceil
        end

        private

        def of_brokers(session, id)
          resources = session.ask(:describe_configs, resources: [{ type: "consumer_group", name: id, changes: [] }])
          entry = resources.first[:configs].find { |config| config[:name] == SETTING }
          Integer(entry[:value])
        rescue Errors::KafkaError, TypeError, NoMethodError
          # The right to read settings is another one than that to move groups.
          DEFAULT_MS
        end

        def of_routes(id)
          routed = App.consumer_groups.find { |group| group.id == id }
          settings = routed ? routed.subscription_groups.map { |group| group.kafka_settings[:"session.timeout.ms"] } : []
          settings << App.config.kafka[:"session.timeout.ms"]
          settings.compact.map { |value| Integer(value) }.max || DEFAULT_MS
        end
      end
    end
    private_constant :SessionTimeout
  end
end

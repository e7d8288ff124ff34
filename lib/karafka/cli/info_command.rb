# frozen_string_literal: true

module Karafka
  module Cli
    # `karafka info`
    class InfoCommand
      # @param out [IO]
      def initialize(out: $stdout)
        @out = out
      end

      # @return [Integer] exit status
      def call
        line "karafka-rs", "#{VERSION}, MIT or Apache-2.0"
        line "librdkafka", EngineFacts.librdkafka_version
        line "Ruby", RUBY_DESCRIPTION
        line "Environment", Karafka.env
        line "Root", Karafka.root
        return without_application unless Boot.available?

        line "Boot file", Karafka.boot_file
        Boot.load_aside!
        application
        OK
      end

      private

      def line(name, value)
        @out.puts("#{"#{name}:".ljust(18)}#{value}") unless value.to_s.empty?
      end

      def without_application
        line "Boot file", "none (`karafka install` creates one)"
        OK
      end

      def connections
        groups = App.routes.subscription_groups.select { |group| group.active? && (group.client || 0).zero? }
        several = groups.select(&:connections)
        changing = several.select { |group| group.connections.dynamic? }.map { |group| "; #{group.name || group.id}: #{group.connections}" }
        "#{groups.size - several.size + several.sum { |group| group.connections.boot }}#{changing.join}"
      end

      def application
        config = App.config
        line "Rails", ::Rails.version if defined?(::Rails.version)
        line "Client id", config.client_id
        line "Brokers", config.kafka[:"bootstrap.servers"]
        line "Kafka settings", config.kafka.to_display.except(:"bootstrap.servers").map { |key, value| "#{key}=#{value}" }.join(" ")
        line "Concurrency", config.concurrency
        line "Connections", connections
        line "Max messages", config.max_messages
        line "Shutdown timeout", "#{config.shutdown_timeout} ms"
        line "Routes", "#{App.routes.size} consumer groups, #{App.routes.topics.size} topics (`karafka routes` lists them)"
      end
    end
  end
end

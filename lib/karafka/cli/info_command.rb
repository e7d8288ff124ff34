# frozen_string_literal: true

require "json"

module Karafka
  module Cli
    # `karafka info`
    class InfoCommand
      # @param json [Boolean, nil] for programs
      # @param out [IO]
      def initialize(json: false, out: $stdout)
        @json = json
        @out = out
        @facts = {}
      end

      # @return [Integer] exit status
      def call
        gem_facts
        Boot.available? ? application : fact("Boot file", :boot_file, "none (`karafka install` creates one)", value: nil)
        @out.puts(JSON.pretty_generate(@facts)) if @json
        OK
      end

      private

      # @param shown [Object] for people
      # @param value [Object] for programs
      def fact(name, key, shown, value: shown)
        @facts[key] = value
        @out.puts("#{"#{name}:".ljust(18)}#{shown}") unless @json || shown.to_s.empty?
      end

      def gem_facts
        fact "karafka-rs", :version, "#{VERSION}, MIT or Apache-2.0", value: VERSION
        fact "librdkafka", :librdkafka, Librdkafka.librdkafka_version
        fact "Ruby", :ruby, RUBY_DESCRIPTION
        fact "Environment", :environment, Boot.environment.to_s
        fact "Root", :root, Karafka.root.to_s
      end

      def application
        if BootFile.none? then fact("Boot file", :boot_file, "none (KARAFKA_BOOT_FILE=false)", value: nil)
        else
          fact("Boot file", :boot_file, Karafka.boot_file.to_s)
        end
        Boot.load_aside!
        fact "Rails", :rails, "#{::Rails.version}, environment #{::Rails.env}", value: ::Rails.version if defined?(::Rails.version)
        settings(App.config)
      end

      def settings(config)
        kafka = config.kafka.to_display
        others = kafka.except(:"bootstrap.servers")
        fact "Client id", :client_id, config.client_id
        fact "Brokers", :brokers, kafka[:"bootstrap.servers"]
        fact "Kafka settings", :kafka, others.map { |key, value| "#{key}=#{value}" }.join(" "), value: others
        fact "Concurrency", :concurrency, config.concurrency
        fact "Connections", :connections, connections
        fact "Max messages", :max_messages, config.max_messages
        fact "Shutdown timeout", :shutdown_timeout_ms, "#{config.shutdown_timeout} ms", value: config.shutdown_timeout
        routes(App.routes.count { |group| group.topics.any? }, App.routes.topics.size)
      end

      def routes(groups, topics)
        text = "#{Amount.of(groups, "consumer group")}, #{Amount.of(topics, "topic")} (`karafka routes` lists them)"
        fact "Routes", :routes, text, value: { consumer_groups: groups, topics: topics }
      end

      def connections
        groups = App.routes.subscription_groups.select { |group| group.active? && (group.client || 0).zero? }
        several = groups.select(&:connections)
        changing = several.select { |group| group.connections.dynamic? }.map { |group| "; #{group.name || group.id}: #{group.connections}" }
        "#{groups.size - several.size + several.sum { |group| group.connections.boot }}#{changing.join}"
      end
    end
  end
end

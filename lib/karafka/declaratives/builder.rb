# frozen_string_literal: true

module Karafka
  module Declaratives
    # All declared topics of the application: those that are drawn here, and those of the routes.
    #
    #   Karafka::App.declaratives.draw do
    #     defaults { replication_factor 3 }
    #     topic(:orders) { partitions 12 }
    #   end
    class Builder
      include Enumerable

      def initialize
        clear
      end

      # @yield topics and defaults
      # @return [self]
      # @raise [Errors::InvalidConfigurationError]
      def draw(&block)
        raise ArgumentError, "draw takes a block: Karafka::App.declaratives.draw { topic(:orders) { partitions 3 } }" unless block

        instance_eval(&block)
        self
      end

      # What topics have that are declared after this, here and not in the routes.
      # @yield settings, as of a topic
      # @return [void]
      def defaults(&)
        @defaults.instance_eval(&)
      end

      # @param name [String, Symbol] as Kafka calls it
      # @yield `partitions`, `replication_factor`, `config` and `active`
      # @return [Topic]
      # @raise [Errors::InvalidConfigurationError] it is declared already
      def topic(name, &block)
        declared = @defaults.for(name)
        declared.instance_eval(&block) if block
        if @topics.key?(declared.name)
          raise Errors::InvalidConfigurationError, "The topic #{declared.name} is declared twice. Keep one of the declarations."
        end

        @topics[declared.name] = declared
      end

      # @return [Array<Topic>] those that are managed, by name
      # @raise [Errors::InvalidConfigurationError] two places say different things about a topic
      def topics
        all.values.select(&:active?).sort_by(&:name)
      end

      # @param name [String, Symbol] as Kafka calls it
      # @return [Topic, nil]
      def find_topic(name)
        all[name.to_s]
      end

      # @yieldparam topic [Topic]
      # @return [self, Enumerator]
      def each(&block)
        return to_enum(:each) unless block

        topics.each(&block)
        self
      end

      # @return [Integer]
      def size = topics.size

      # @return [Boolean]
      def empty? = topics.empty?

      # Creates the declared topics that the cluster does not have, and changes none of the others.
      # @param admin [Admin]
      # @return [Array<Topic>] those that were created
      # @raise [Errors::KafkaError]
      def create_missing(admin = Admin.new)
        existing = admin.topics.names
        missing = topics.reject { |topic| existing.include?(topic.name) }
        missing.each { |topic| admin.create_topic(topic.name, topic.partitions, topic.replication_factor, topic.details) }
      end

      # @return [void]
      # @api private
      def clear
        @defaults = Topic.new("defaults")
        @topics = {}
      end

      # With `strict_declarative_topics` every topic of the application has to be declared.
      # @return [void]
      # @raise [Errors::InvalidConfigurationError]
      # @api private
      def check!
        declared = all
        return unless App.config.strict_declarative_topics

        undeclared = Routed.names.reject { |name| declared.key?(name) }
        return if undeclared.empty?

        name = undeclared.first
        raise Errors::InvalidConfigurationError,
              "config.strict_declarative_topics wants every topic declared, but #{undeclared.join(", ")} " \
              "#{undeclared.one? ? "is" : "are"} not. Write `topic(#{name.inspect}) { config(partitions: 3) }` in the routes, or " \
              "`config(active: false)` where somebody else creates it; topics without a route go into Karafka::App.declaratives.draw."
      end

      private

      def all
        Routed.declarations.each_with_object(@topics.dup) do |topic, found|
          other = found[topic.name]
          contradiction!(other, topic) if other && other != topic
          found[topic.name] = topic
        end
      end

      def contradiction!(one, other)
        first, second = [one, other].map { |topic| topic.to_h.except(:name) }
        differing = first.keys.reject { |key| first[key] == second[key] }
        says = differing.map { |key| "#{key} #{first[key].inspect} and #{second[key].inspect}" }
        raise Errors::InvalidConfigurationError,
              "The topic #{one.name} is declared twice, with different settings: #{says.join(", ")}. Keep one of the declarations."
      end
    end
  end
end

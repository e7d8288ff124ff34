# frozen_string_literal: true

module Karafka
  # The checks of settings and routes as objects, under Karafka's names: `call` takes a Hash and says what is wrong with it instead of
  # raising. The checks themselves are those of the routes and the settings, which are made by themselves.
  #
  # @example
  #   Karafka::Contracts::Topic.new.call(name: "orders", max_messages: 0).errors # => { max_messages: "topic orders max_messages is 0, …" }
  module Contracts
    # What a check has found.
    Result = Compat::ContractResult

    # What they have in common. Those of an application or a gem have rules, or define `call`.
    class Base
      extend Compat::ContractRules

      # As the instance's; 1.2 had no instances.
      # @return [Result]
      def self.call(given) = new.call(given)

      # @param given [Hash{Symbol=>Object}]
      # @return [Result] by the rules of the class
      def call(given)
        Result.new(self.class.problems(given))
      end

      # @param given [Hash{Symbol=>Object}]
      # @param error [Class<Exception>]
      # @return [true]
      # @raise [Errors::InvalidConfigurationError]
      def validate!(given, error = Errors::InvalidConfigurationError)
        result = call(given)
        return true if result.success?

        raise error, result.errors.map { |part, problem| "#{part}: #{problem}" }.join("; ")
      end

      private

      def checked(given)
        Result.new(given.to_h.each_with_object({}) { |(name, value), errors| noted(errors, name) { yield(name, value) } })
      end

      def noted(errors, name)
        yield
      rescue Errors::BaseError => e
        errors[name.to_sym] = e.message
      end
    end

    # The settings of an application.
    class Config < Base
      # @param settings [Hash{Symbol=>Object}] by name, as in {Setup::Config}
      # @return [Result]
      def call(settings)
        config = Setup::Config.new
        checked(settings) do |name, value|
          nested = config.public_send(name) if value.is_a?(Hash) && name.to_sym != :kafka
          next config.public_send(:"#{name}=", value) unless nested.is_a?(Setup::Settings)

          value.each { |part, of| nested.public_send(:"#{part}=", of) }
        end
      end
    end

    # A topic of the routes.
    class Topic < Base
      # @param settings [Hash{Symbol=>Object}] `name`, and settings of the routes by name
      # @return [Result]
      def call(settings)
        builder = Routing::Builder.new
        topic = nil
        errors = {}
        noted(errors, :name) { topic = builder.topic(settings[:name] || "") }
        return Result.new(errors) unless topic

        checked(settings.to_h.except(:name, :id)) { |name, value| topic.public_send(name, value) }
      end
    end
    # Its name in 1.x.
    ConsumerGroupTopic = Topic

    # A consumer group of the routes.
    class ConsumerGroup < Base
      # @param settings [Hash{Symbol=>Object}] `id` and `topics`, Hashes as for {Topic}
      # @return [Result]
      def call(settings)
        errors = {}
        noted(errors, :id) { Routing::ConsumerGroup.new(settings[:id] || settings[:name] || "", Routing::Builder.new) }
        topics = settings[:topics].to_a
        errors[:topics] = "there are none" if topics.empty?
        topics.each { |topic| Topic.call(topic).errors.each { |name, problem| errors[:"topics.#{topic[:name]}.#{name}"] = problem } }
        Result.new(errors)
      end
    end

    # What `karafka server` is to consume.
    class ServerCliOptions < Base
      # @param options [Hash{Symbol=>Array<String>}] `topics`, `consumer_groups`, `subscription_groups`
      # @return [Result]
      def call(options)
        known = { topics: App.routes.topics.map(&:name), consumer_groups: App.routes.map(&:name),
                  subscription_groups: App.routes.subscription_groups.map(&:name) }
        Result.new(options.to_h.each_with_object({}) do |(name, wanted), errors|
          unknown = wanted.to_a - known.fetch(name.to_sym, wanted.to_a)
          errors[name] = "there is no #{unknown.join(", ")}" if unknown.any?
        end)
      end
    end

    class << self
      private

      def const_missing(name)
        super unless %i[ResponderUsage ResponderUsageTopic ConsumerGroupOptions].include?(name)

        raise Errors::UnsupportedFeatureError.for("Karafka::Contracts::#{name}", "A responder checks itself as it is called.")
      end
    end
  end
end

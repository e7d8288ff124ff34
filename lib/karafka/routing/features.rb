# frozen_string_literal: true

module Karafka
  module Routing
    # What other gems add to the routes.
    module Features
      # Inherit from it and define modules of these names: `Topic`, `Topics`, `ConsumerGroup`, `SubscriptionGroup`, `Builder` and `Proxy`
      # (all places where settings are made) go before the classes of that name; classes in `Contracts` (`Topic`, `ConsumerGroup`,
      # `Routing`) are called with each topic, each group and all groups as Hashes once routes are drawn. Then call `activate`.
      #
      # @example
      #   class Audited < Karafka::Routing::Features::Base
      #     module Topic
      #       def audited(value = nil) = value.nil? ? @audited : @audited = value
      #       def to_h = super.merge(audited: audited)
      #     end
      #   end
      #   Audited.activate
      class Base
        class << self
          # Adds what the feature has. Doing it twice does nothing.
          # @return [void]
          def activate
            return if Base.active.include?(self)

            Base.active << self
            HOOKED.each do |name, classes|
              part = own(name) or next
              classes.call.each { |klass| klass.prepend(part) }
            end
          end

          # Activates all features there are.
          # @return [void]
          def load_all
            Base.known.each(&:activate)
          end

          # Called before {App.setup} yields.
          # @param _config [Setup::Config]
          # @return [void]
          def pre_setup(_config); end

          # Called once {App.setup} has checked the settings.
          # @param _config [Setup::Config]
          # @return [void]
          def post_setup(_config); end

          # @api private
          # @return [void]
          # @raise [Errors::InvalidConfigurationError]
          def check!(builder)
            contracts = own(:Contracts) or return
            builder.each do |group|
              group.topics.each { |topic| hold!(contracts, :Topic, topic.label, topic.to_h) }
              hold!(contracts, :ConsumerGroup, group.label, group.to_h)
            end
            hold!(contracts, :Routing, "the routes", builder.map(&:to_h))
          end

          # @api private
          # @return [Array<Class<Base>>] that are activated
          def active = @active ||= []
          # @api private
          # @return [Array<Class<Base>>]
          def known = @known ||= []

          private

          def inherited(feature)
            super
            Base.known << feature
          end

          def own(name)
            const_get(name, false) if const_defined?(name, false)
          end

          # Of contracts that answer with a result; those that raise by themselves have said it.
          def hold!(contracts, name, label, given)
            return unless contracts.const_defined?(name, false)

            contract = contracts.const_get(name, false).new
            return contract.validate!(given) if contract.respond_to?(:validate!)

            result = contract.call(given)
            return if result.success?

            raise Errors::InvalidConfigurationError, "#{label}: #{result.errors.map { |part, problem| "#{part} #{problem}" }.join(", ")}"
          end
        end

        # Looked up when a feature is activated: these classes are loaded after this one.
        HOOKED = {
          Topic: -> { [Routing::Topic] }, Topics: -> { [Routing::Topics] }, ConsumerGroup: -> { [Routing::ConsumerGroup] },
          SubscriptionGroup: -> { [Routing::SubscriptionGroup] }, Builder: -> { [Routing::Builder] },
          Proxy: -> { [Routing::Layer, Routing::Builder] }
        }.freeze
        private_constant :HOOKED
      end
    end
  end
end

# frozen_string_literal: true

module Karafka
  class Admin
    class Configs
      # What has settings, and how they are to be changed.
      class Resource
        TYPES = { topic: :topic, broker: :broker, group: :consumer_group, consumer_group: :consumer_group }.freeze
        private_constant :TYPES

        # @return [Symbol] :topic, :broker or :consumer_group
        attr_reader :type
        # @return [String]
        attr_reader :name
        # @return [Array<Config>] by name; empty where it was not described
        attr_reader :configs
        # @return [Array<Array(Symbol, String, String)>] operation, setting and value of what is to be changed
        attr_reader :changes

        # @param type [Symbol] :topic, :broker or :consumer_group (also :group)
        # @param name [String, Symbol, Integer] of a broker its number
        # @param configs [Array<Hash>] of the engine
        # @raise [Errors::InvalidConfigurationError]
        def initialize(type:, name:, configs: [])
          @type = TYPES[type.to_sym] || Setup.invalid!("type", type, "one of #{TYPES.keys.map(&:inspect).join(", ")}")
          @name = Arguments.name("name", name.is_a?(Integer) ? name.to_s : name)
          @configs = configs.map { |config| Config.new(**config) }
          @changes = []
        end

        # @param setting [String, Symbol]
        # @param value [Object]
        # @return [self]
        def set(setting, value) = change(:set, setting, value)

        # Back to the default.
        # @param setting [String, Symbol]
        # @return [self]
        def delete(setting)
          @changes << [:delete, setting.to_s, nil]
          self
        end

        # Adds to a list.
        # @param setting [String, Symbol]
        # @param value [Object]
        # @return [self]
        def append(setting, value) = change(:append, setting, value)

        # Takes from a list.
        # @param setting [String, Symbol]
        # @param value [Object]
        # @return [self]
        def subtract(setting, value) = change(:subtract, setting, value)

        # @param setting [String, Symbol]
        # @return [Config, nil] of a resource that was described
        def [](setting)
          configs.find { |config| config.name == setting.to_s }
        end

        # @return [Hash{Symbol=>Object}]
        # @api private
        def to_engine
          changes = @changes.map { |operation, setting, value| [operation.to_s, setting, value] }
          { type: type.to_s, name: name, changes: changes }
        end

        # @return [String]
        def inspect
          "#<#{self.class} #{type} #{name}>"
        end

        private

        def change(operation, setting, value)
          Setup.invalid!(setting, value, "a value; `delete` goes back to the default") if value.nil?

          @changes << [operation, setting.to_s, Array(value).join(",")]
          self
        end
      end
    end
  end
end

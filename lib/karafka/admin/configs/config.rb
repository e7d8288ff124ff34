# frozen_string_literal: true

module Karafka
  class Admin
    class Configs
      # One setting with its value.
      class Config
        # @return [String]
        attr_reader :name
        # @return [String, nil] nil where it is secret, or has none
        attr_reader :value
        # @return [Symbol] where the value comes from: :default, :static_broker, :dynamic_broker, :dynamic_default_broker,
        #   :dynamic_topic, :group, :unknown
        attr_reader :source
        # @return [Array<Config>] where else the value could come from, the first one with a value counts
        attr_reader :synonyms

        # @api private
        def initialize(name:, value:, source:, synonyms:, default:, read_only:, sensitive:, synonym:)
          @name = name
          @value = value
          @source = source.to_sym
          @synonyms = synonyms.map { |other| Config.new(**other) }
          @default = default
          @read_only = read_only
          @sensitive = sensitive
          @synonym = synonym
        end

        # @return [Boolean] whether nobody has set it
        def default? = @default
        # @return [Boolean] whether it can only be set in a broker's file
        def read_only? = @read_only
        # @return [Boolean] whether its value is secret
        def sensitive? = @sensitive
        # @return [Boolean] whether it is one of another one's `synonyms`
        def synonym? = @synonym
      end
    end
  end
end

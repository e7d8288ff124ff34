# frozen_string_literal: true

module Karafka
  # Name of the environment, with a predicate for each: `Karafka.env.production?`.
  class Env < String
    # Where the name is looked for, first one set wins.
    VARIABLES = %w[KARAFKA_ENV RACK_ENV RAILS_ENV].freeze

    # Used when none of them is set.
    DEFAULT = "development"

    # @param name [#to_s, nil] nil: ask the environment variables
    def initialize(name = nil)
      super((name || VARIABLES.map { |variable| ENV[variable].to_s }.find { |value| !value.empty? } || DEFAULT).to_s)
      freeze
    end

    private

    def respond_to_missing?(name, include_private = false)
      name.end_with?("?") || super
    end

    def method_missing(name, *args)
      return super unless name.end_with?("?") && args.empty?

      self == name[0..-2]
    end
  end
end

# frozen_string_literal: true

require_relative "../base/errors"

module Karafka
  # This gem replaces karafka and waterdrop: their constants are the same, so a process can have only one of them.
  module Conflicts
    GEMS = %w[karafka waterdrop].freeze
    private_constant :GEMS

    # @param active [Hash{String=>Object}] activated gems by name
    # @return [void]
    # @raise [Errors::ConflictingGemError]
    def self.check!(active = defined?(Gem) ? Gem.loaded_specs : {})
      found = GEMS & active.keys
      return if found.empty?

      raise Errors::ConflictingGemError,
            "karafka-rs replaces #{found.map { |name| "the gem #{name}" }.join(" and ")}, which is active in this process too. " \
            "Remove one: delete #{found.map { |name| "`gem \"#{name}\"`" }.join(", ")} (and gems that depend on it) from the " \
            "Gemfile to use karafka-rs, or delete `gem \"karafka-rs\"`."
    end
  end
end

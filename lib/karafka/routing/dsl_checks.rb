# frozen_string_literal: true

module Karafka
  module Routing
    # How settings of a {Layer} are called. The same method sets with a value and reads without one; in a block of the routes
    # a call without a value would do nothing, so it is refused there.
    module DslChecks
      # @yield evaluated here
      # @return [void]
      # @api private
      def read_block(&)
        around = @drawing
        @drawing = true
        instance_eval(&)
      ensure
        @drawing = around
      end

      # @param place [String] whose settings go into its block
      # @param settings [Hash{Symbol=>Object}] that were given as options instead
      # @return [void]
      # @raise [Errors::InvalidConfigurationError]
      # @api private
      def no_settings!(place, settings)
        return if settings.empty?

        raise Errors::InvalidConfigurationError,
              "#{place} takes no options, but got #{settings.keys.join(", ")}. Settings go into its block, such as: " \
              "{ #{settings.keys.first} … }"
      end

      private

      # @param setting [Symbol] that was called without a value
      # @param example [String, nil] how it is called
      # @return [void]
      # @raise [Errors::InvalidConfigurationError] in a block of the routes
      def reading!(setting, example = nil)
        return unless @drawing

        hint = example ? ", such as: #{example}" : ""
        raise Errors::InvalidConfigurationError,
              "#{label} #{setting} has no value, so it sets nothing. Give it one#{hint}, or leave the line out. Or did you mean " \
              "a variable? There is none called #{setting} here."
      end

      # @param setting [Symbol]
      # @param others [Array<Symbol>] options that were given and that it has not
      # @param known [Array<Symbol>] those it has
      # @return [void]
      # @raise [Errors::InvalidConfigurationError]
      def no_others!(setting, others, known)
        others.each { |name| Setup.unknown!("option", name, known, prefix: "#{label} #{setting} ") }
      end
    end
  end
end

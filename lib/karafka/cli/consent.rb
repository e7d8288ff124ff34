# frozen_string_literal: true

module Karafka
  module Cli
    # What a person has to agree to before it is done.
    module Consent
      class << self
        # On a terminal a person types the word. Elsewhere it goes on, as in Karafka 2, except in production without `--yes`.
        # @param terminal [Terminal]
        # @param options [Hash{Symbol, String=>Object}] of the command line
        # @param effect [String] what is about to happen, such as "deletes the topic orders"
        # @param word [String]
        # @param otherwise [String] the line to print where the person types something else
        # @return [Boolean]
        # @raise [Errors::CommandError]
        def given?(terminal, options, effect, word, otherwise:)
          return true if options[:yes]
          raise Errors::CommandError, "this #{effect}, in production: add --yes" if !terminal.interactive? && Karafka.env.production?

          given = terminal.confirmed?("This #{effect}.", word)
          terminal.say(otherwise) unless given
          given
        end
      end
    end
  end
end

# frozen_string_literal: true

require_relative "../base/errors"

module Karafka
  # Code written for other Kafka libraries, on this engine. Nothing of it is loaded before an application requires
  # `karafka/compat/NAME`.
  module Adapters
    # What a file `karafka/compat/NAME` does first.
    module Entrance
      # Takes the place of a gem: refuses to stand beside it, and makes the names that it was required by lead to us.
      # @param gem [String] the gem's name
      # @param stubs [String] directory with a file for each of these names; on the load path only from now on, so that nothing hides
      #   a real gem from an application that does not ask for the adapter
      # @param active [Hash{String=>Object}] activated gems by name
      # @return [void]
      # @raise [Errors::ConflictingGemError] the gem itself is active
      def self.open(gem, stubs:, active: defined?(Gem) ? Gem.loaded_specs : {})
        if active.key?(gem)
          raise Errors::ConflictingGemError,
                "karafka/compat/#{gem.tr("_", "-")} takes the place of the gem #{gem}, which is active in this process too. Remove one: " \
                "delete `gem \"#{gem}\"` (and gems that depend on it) from the Gemfile to run its code on karafka-rs, or do not " \
                "require karafka/compat/#{gem.tr("_", "-")}."
        end

        $LOAD_PATH.unshift(stubs) unless $LOAD_PATH.include?(stubs)
      end
    end
  end
end

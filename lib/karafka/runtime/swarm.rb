# frozen_string_literal: true

module Karafka
  # Several processes from one: a supervisor loads the application once and forks nodes, each of which consumes as `karafka server`
  # does. The nodes share the memory of what was loaded.
  module Swarm
    # Exit status of a node whose supervisor is gone.
    ORPHANED = 3

    class << self
      # @return [Boolean] whether this Ruby can fork
      def supported?
        ::Process.respond_to?(:fork)
      end

      # @return [void]
      # @raise [Errors::UnsupportedFeatureError]
      def ensure_supported!
        return if supported?

        raise Errors::UnsupportedFeatureError.for("`karafka swarm` on #{RUBY_ENGINE} #{RUBY_PLATFORM}, which cannot fork,",
                                                  "Start several `karafka server` processes.")
      end
    end
  end
end

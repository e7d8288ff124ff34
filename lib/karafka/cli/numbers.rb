# frozen_string_literal: true

module Karafka
  module Cli
    # Options that are numbers. Thor takes any number.
    module Numbers
      class << self
        # @param options [Hash{Symbol, String=>Object}] of the command line
        # @param name [Symbol]
        # @return [Numeric, nil] nil: it was not given
        # @raise [Errors::CommandError]
        def seconds(options, name)
          check(options, name, "it must be more than 0 seconds", &:positive?)
        end

        # @param (see .seconds)
        # @return [Integer, nil] nil: it was not given
        # @raise [Errors::CommandError]
        def count(options, name)
          check(options, name, "it must be a whole number of at least 1") { |given| given.is_a?(Integer) && given.positive? }
        end

        private

        def check(options, name, allowed)
          given = options[name]
          return given if given.nil? || yield(given)

          raise Errors::CommandError, "--#{name.to_s.tr("_", "-")} is #{given}: #{allowed}"
        end
      end
    end
  end
end

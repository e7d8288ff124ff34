# frozen_string_literal: true

require "rspec/core"
require "rspec/expectations"
require_relative "../../testing"
require_relative "matchers"

module Karafka
  module Testing
    # The testing kit for RSpec.
    module RSpec
      # Gives each example {#karafka}, and matchers.
      #
      # @example
      #   RSpec.configure { |config| config.include Karafka::Testing::RSpec::Helpers }
      module Helpers
        include Matchers

        class << self
          # @api private
          # @param group [Class] example group
          # @return [void]
          def included(group)
            super
            return unless group.respond_to?(:around) && !group.singleton_class?

            # Goes around all hooks of the example, also those of the configuration.
            group.around do |example|
              karafka_begin
              example.run
            ensure
              karafka_end
            end
          end
        end

        # @return [Session] messages and consumers of this example
        def karafka
          @karafka_session || karafka_begin
        end

        private

        def karafka_begin
          @karafka_session = Session.new(self).tap { |session| Buffering.begin(session) }
        end

        def karafka_end
          Buffering.end(@karafka_session)
        end
      end
    end
  end
end

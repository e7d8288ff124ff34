# frozen_string_literal: true

require_relative "../../testing"
require_relative "assertions"

module Karafka
  module Testing
    # The testing kit for Minitest.
    module Minitest
      # Gives each test `@karafka`, and assertions. For Minitest::Test, ActiveSupport::TestCase and Minitest::Spec.
      #
      # @example
      #   class ActiveSupport::TestCase
      #     include Karafka::Testing::Minitest::Helpers
      #   end
      module Helpers
        include Assertions

        # @return [Session] messages and consumers of this test
        attr_reader :karafka

        # @api private
        def before_setup
          @karafka = Session.new(self)
          Buffering.begin(@karafka)
          super
        end

        # @api private
        def after_teardown
          super
        ensure
          Buffering.end(@karafka)
        end
      end
    end
  end
end

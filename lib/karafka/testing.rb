# frozen_string_literal: true

require "karafka"
require_relative "testing/errors"
require_relative "testing/helpers"
require_relative "testing/lease"
require_relative "testing/position"
require_relative "testing/producer_client"
require_relative "testing/buffering"
require_relative "testing/consumer_client"
require_relative "testing/coordinator"
require_relative "testing/spec_consumer"
require_relative "testing/transactions"
require_relative "testing/assignment"
require_relative "testing/inbox"
require_relative "testing/runner"
require_relative "testing/checks"
require_relative "testing/cluster"
require_relative "testing/session"

module Karafka
  # The testing kit: consumers get messages, and producers send them, without a Kafka. Loaded only by `require`: from then on
  # what `Karafka.producer` sends stays in memory, except in `karafka server`.
  #
  # @example RSpec
  #   require "karafka/testing/rspec/helpers"
  #   RSpec.configure { |config| config.include Karafka::Testing::RSpec::Helpers }
  # @example Minitest
  #   require "karafka/testing/minitest/helpers"
  #   class ActiveSupport::TestCase
  #     include Karafka::Testing::Minitest::Helpers
  #   end
  module Testing
    class << self
      # @return [void]
      # @raise [Errors::KarafkaNotLoadedError]
      def ensure_karafka_loaded!
        return if defined?(::Karafka::App)

        raise Errors::KarafkaNotLoadedError, "Karafka is not loaded: `require \"karafka\"` before the testing kit."
      end

      # `App.setup` is enough, it need not be booted.
      # @return [void]
      # @raise [Errors::KarafkaNotInitializedError]
      def ensure_karafka_initialized!
        return if ::Karafka::App.initialized?

        raise Errors::KarafkaNotInitializedError,
              "The application is not set up in this process: load its karafka.rb before the test uses it, with " \
              "`require \"./karafka\"` in the test's helper file (Rails does it by itself). #{BootFile.absence}"
      end

      # Makes the application's producer a real one while the block runs, for tests with a broker of their own.
      # @return [Object] what the block returns
      def deliver(&)
        Buffering.deliver(&)
      end
    end

    Buffering.on!
  end
end

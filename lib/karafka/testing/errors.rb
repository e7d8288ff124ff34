# frozen_string_literal: true

module Karafka
  module Testing
    # Every error of the testing kit.
    module Errors
      # Common ancestor.
      class BaseError < StandardError; end

      # No route has a topic of that name.
      class TopicNotFoundError < BaseError; end

      # Several consumer groups have the topic, and none was named.
      class TopicInManyConsumerGroupsError < BaseError; end

      # The routes have no consumer group of that name.
      class ConsumerGroupNotFoundError < BaseError; end

      # Karafka was not loaded before the testing kit.
      class KarafkaNotLoadedError < BaseError; end

      # `Karafka::App.setup` was not called in this process.
      class KarafkaNotInitializedError < BaseError; end

      # The consumer was not built with `consumer_for` of this test.
      class ForeignConsumerError < BaseError; end

      # What was given cannot be done in a test, or not now.
      class UsageError < BaseError; end
    end
  end
end

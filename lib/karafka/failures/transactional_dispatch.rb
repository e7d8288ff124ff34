# frozen_string_literal: true

module Karafka
  module Failures
    # Whether a message that cannot be processed leaves its topic, and is marked there, in one transaction: with
    # `exactly_once`, and wherever the application's producer has a `transactional.id`.
    module TransactionalDispatch
      class << self
        # @param topic [Routing::Topic]
        # @return [Boolean]
        def for?(topic)
          queue = topic.dead_letter_queue
          return false unless queue.transactional? && (queue.topic || topic.next_stage)

          # With `parallel` earlier messages may not be finished, so nothing can be marked in a transaction.
          topic.exactly_once? || (!topic.parallel && transactions?(topic))
        end

        private

        # A transaction is of one cluster; a producer of another one sends by itself.
        def transactions?(topic)
          producer = Karafka.producer
          return false unless producer.respond_to?(:transactional?) && producer.transactional?

          consumed, produced = Setup::Clusters.of(topic)
          produced.nil? || consumed == produced
        end
      end
    end
  end
end

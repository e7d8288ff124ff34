# frozen_string_literal: true

module Karafka
  # Where the work of a batch is done.
  module Backends
    # In the server, at once.
    module Inline; end

    # @param topic [Routing::Topic]
    # @return [BaseConsumer] for a server
    # @api private
    def self.consumer(topic)
      consumer = topic.consumer.new
      topic.backend == :sidekiq ? consumer.extend(Sidekiq) : consumer
    end

    Sidekiq = Compat::SidekiqBackend::Enqueueing
  end
end

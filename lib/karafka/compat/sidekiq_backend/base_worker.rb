# frozen_string_literal: true

Karafka::Compat::SidekiqBackend.load!

module Karafka
  # What workers of `backend :sidekiq` inherit from. An application has one class below it, which all others inherit from; it has the
  # options of Sidekiq.
  #
  # @example
  #   class ApplicationWorker < Karafka::BaseWorker
  #     sidekiq_options queue: "kafka", retry: 5
  #   end
  class BaseWorker
    include ::Sidekiq::Worker

    USUAL_NAME = "ApplicationWorker"
    private_constant :USUAL_NAME

    class << self
      # @return [Class<BaseWorker>] the first class that inherits from this one directly
      # @raise [Errors::BaseWorkerDescentantMissing]
      def base_worker
        # Rails loads it when it is named.
        Object.const_get(USUAL_NAME) if direct.empty? && Object.const_defined?(USUAL_NAME)
        found = direct.first
        unless found
          raise Errors::BaseWorkerDescentantMissing,
                "there is no class that inherits from Karafka::BaseWorker. Define one before the server starts, such as: " \
                "class #{USUAL_NAME} < Karafka::BaseWorker; sidekiq_options queue: \"default\"; end"
        end

        # Reloaded code has another class of that name.
        found.name && Object.const_defined?(found.name) ? Object.const_get(found.name) : found
      end

      # @api private
      def direct = BaseWorker.karafka_direct

      protected

      def karafka_direct = @karafka_direct ||= []

      private

      def inherited(worker)
        super
        BaseWorker.karafka_direct << worker if equal?(BaseWorker)
      end
    end

    # Finds the route, builds its consumer and lets it consume. What that raises is Sidekiq's to retry.
    # @param topic_id [String] as {Routing::Topic#id}
    # @param params_batch [Array<Hash>] as the interchanger has encoded it
    # @param metadata [Hash{String=>Object}, nil] nil: of one message
    # @return [void]
    # @raise [Errors::NonMatchingRouteError]
    def perform(topic_id, params_batch, metadata = nil)
      consumer = Compat::SidekiqBackend::Performing.build(Routing::Router.find(topic_id), params_batch, metadata)
      Instrumentation::Safely.around("backends.sidekiq.base_worker.perform", { caller: self, consumer: consumer }) { consumer.karafka_work }
    end
  end
end

# frozen_string_literal: true

module ActiveJob
  module QueueAdapters
    # The adapter :karafka. A job goes to the topic that its queue is called.
    #
    # @example config/application.rb
    #   config.active_job.queue_adapter = :karafka
    class KarafkaAdapter < (const_defined?(:AbstractAdapter) ? AbstractAdapter : Object)
      # @param job [ActiveJob::Base]
      # @return [void]
      # @raise [WaterDrop::Errors::ProduceError] Kafka did not take it
      def enqueue(job)
        Karafka::ActiveJob::Dispatch.call(job)
      end

      # @param job [ActiveJob::Base]
      # @param timestamp [Numeric] seconds since 1970
      # @return [void]
      # @raise [Karafka::Errors::InvalidConfigurationError] the routes have no `active_job_delays`
      # @raise [WaterDrop::Errors::ProduceError] Kafka did not take it
      def enqueue_at(job, timestamp)
        Karafka::ActiveJob::Dispatch.call(job, timestamp)
      end

      # For `perform_all_later` (Rails 7.1).
      # @param jobs [Array<ActiveJob::Base>]
      # @return [Integer] how many were enqueued
      # @raise [WaterDrop::Errors::ProduceManyError] Kafka did not take all of them
      def enqueue_all(jobs)
        Karafka::ActiveJob::Dispatch.many(jobs)
      end

      # Rails 7.2 asks: a job that overtakes the transaction it was enqueued in would not find its rows.
      # @return [true]
      def enqueue_after_transaction_commit?
        true
      end

      # Rails 8.1 asks between the steps of a job.
      # @return [Boolean] whether this process is on its way out
      def stopping?
        Karafka::App.done?
      end
    end
  end
end

# frozen_string_literal: true

module Karafka
  module ActiveJob
    # Sends jobs with the application's producer, each as its class wants it.
    module Dispatch
      class << self
        # @param job [::ActiveJob::Base]
        # @param due_at [Numeric, nil] seconds since 1970
        # @return [void]
        # @raise [WaterDrop::Errors::ProduceError, WaterDrop::Errors::MessageInvalidError]
        def call(job, due_at = nil)
          options = job.class.karafka_job_options
          sent = producer.public_send(options[:dispatch_method], message(job, options, due_at))
          # One that tries again is in Kafka before the message that it came with counts as processed.
          sent.wait if job.executions.positive? && sent.respond_to?(:wait)
        end

        # In one call for all that are sent in the same way.
        # @param jobs [Array<::ActiveJob::Base>] each with its `scheduled_at`
        # @return [Integer] how many were handed over
        # @raise [WaterDrop::Errors::ProduceManyError, WaterDrop::Errors::MessageInvalidError]
        def many(jobs)
          jobs.group_by { |job| job.class.karafka_job_options[:dispatch_many_method] }.each do |dispatch_method, alike|
            producer.public_send(
              dispatch_method, alike.map { |job| message(job, job.class.karafka_job_options, job.scheduled_at&.to_f) }
            )
            # Rails 7.1, where `perform_all_later` counts them.
            alike.each { |job| job.successfully_enqueued = true if job.respond_to?(:successfully_enqueued=) }
          end
          jobs.size
        end

        private

        def producer
          Karafka.producer || raise(
            Errors::InvalidConfigurationError, "a job cannot be enqueued: Karafka is not set up in this process. #{BootFile.absence}"
          )
        end

        def message(job, options, due_at)
          message = { topic: Routing::TopicNames.in_kafka(job.queue_name.to_s), payload: ActiveJob.deserializer.serialize(job) }
          headers = CurrentAttributes.to_headers
          # Without any it takes the producer's shorter way.
          message[:headers] = headers unless headers.empty?
          key = options[:partitioner].call(job)
          message[options[:partition_key_type]] = key.is_a?(Symbol) ? key.to_s : key unless key.nil?
          due_at ? Delays.delayed(message, due_at) : message
        end
      end
    end
  end
end

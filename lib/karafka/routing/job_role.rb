# frozen_string_literal: true

module Karafka
  module Routing
    # What a topic is to jobs of Active Job: see {JobTopics}.
    module JobRole
      # @return [Boolean] whether its messages are jobs that are performed
      def active_job?
        @job_role == :perform
      end

      # @return [Boolean] whether jobs wait in it
      def job_delay?
        @job_role == :delay
      end

      # @return [void]
      # @raise [Errors::InvalidConfigurationError] a job would be deleted before it is due
      def check_job_retention!
        return unless job_delay?

        retention = declaratives.details&.find { |name, _| name.to_s == "retention.ms" }&.last.to_s
        return unless retention.match?(/\A\d+\z/) && retention.to_i <= delay_by

        Setup.invalid!("#{label} config retention.ms", retention, "more than the #{delay_by} ms that each job waits there, since Kafka " \
                                                                  "deletes older ones; days, for jobs to survive an outage")
      end

      private

      # One message at a time, unless the block says otherwise: a job is a piece of work of its own. Those that wait are only passed on.
      def jobs(role, consumer_name, &block)
        @job_role = role
        consumer(consumer_name)
        # Whatever the application says: it is a job already, and jobs are JSON. Their consumers take a batch message by message.
        backend(:inline)
        batch_consuming(true)
        deserializers(payload: Deserializers::Payload.new)
        role == :perform ? max_messages(1) : priority(100)
        instance_eval(&block) if block
        return if setting(:batch_consuming)

        Setup.invalid!("#{label} batch_consuming", false, "left out: `consume` is called for the batch, and performs each job of it once")
      end
    end
  end
end

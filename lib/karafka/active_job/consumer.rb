# frozen_string_literal: true

module Karafka
  module ActiveJob
    # Performs jobs. Topics of jobs give one message at a time unless they set `max_messages`, so that each job is a piece of work of
    # its own for Rails, and a job that fails holds nothing back but its partition (with `parallel`: its key).
    class Consumer < Karafka::BaseConsumer
      # Between two attempts at the rest of a batch, ms. It ends with the process before that.
      LATER = 1_000
      private_constant :LATER

      # A job that is done is marked, so that neither a failure nor a stop repeats it.
      # @return [void]
      def consume
        messages.each do |message|
          perform(message)
          break unless mark_as_consumed(message)
          raise RetryLater.new("the process stops", in: LATER) if App.done? && message.offset != messages.last.offset
        end
      end

      private

      def perform(message)
        job = job_in(message)
        payload = { caller: self, job: job, message: message }
        announce("active_job.consume", payload)
        observed(payload) { CurrentAttributes.restore(message, job) { ::ActiveJob::Base.execute(job) } }
      ensure
        # Rails resets them after a batch, and the next job of this one must not see them. Without Rails nobody does.
        ::ActiveSupport::CurrentAttributes.reset_all
      end

      def job_in(message)
        job = ActiveJob.deserializer.deserialize(message)
        return job if job.is_a?(Hash) && job["job_class"]

        place = { topic: topic.name, partition: partition, offset: message.offset }
        raise Errors::DeserializationError.new("#{topic.name}/#{partition}@#{message.offset} is no job: it names no job_class", **place)
      end

      def observed(payload, &)
        return yield unless Karafka.monitor.listening?("active_job.consumed")

        Instrumentation::Safely.around("active_job.consumed", payload, &)
      end

      def announce(event, payload)
        Instrumentation::Safely.instrument(event, payload) if Karafka.monitor.listening?(event)
      end
    end
  end
end

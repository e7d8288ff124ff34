# frozen_string_literal: true

module Karafka
  class Engine
    # Says which batches take long, where their code is, and what that means for the group.
    class StuckReport
      # @param workers [Enumerable<Worker>]
      def initialize(workers)
        @workers = workers
      end

      # A lease is out for long: in the log with the worker's backtrace, and as an event.
      # @param event [Hash{Symbol=>Object}] as the engine reports it
      # @param owner [Hash{Symbol=>Object}] group of the event
      # @return [void]
      def stuck(event, owner)
        workers = @workers.select { |worker| worker.works_on?(event[:assignment_id]) }
        # Settled meanwhile, or dropped without being settled.
        workers = [nil] if workers.empty?
        workers.each { |worker| report(worker, event, owner) }
      end

      # The process left its group because of a batch over its limit.
      # @param event [Hash{Symbol=>Object}]
      # @param owner [Hash{Symbol=>Object}]
      # @return [void]
      def left(event, owner)
        error = Errors::LongRunningLimitError.new(
          "#{place(event)} is being processed for #{event[:age_ms]} ms, longer than its long_running_limit. This process leaves the " \
          "group #{owner[:consumer_group_id] || event[:group]}, so that others take its partitions over; it comes back when that batch ends"
        )
        Instrumentation::Safely.error(error, "connection.client.poll.error", **owner)
      end

      # @param event [Hash{Symbol=>Object}]
      # @param _owner [Hash{Symbol=>Object}]
      # @return [void]
      def returned(event, _owner)
        Karafka.logger.info("[#{event[:group]}] The batch over its long_running_limit has ended: back in the group")
      end

      private

      def report(worker, event, owner)
        backtrace = Text.backtrace(worker&.thread)
        lines = ["#{event[:kind]} of #{place(event)} takes #{event[:age_ms]} ms so far", *backtrace]
        Karafka.logger.warn(lines.join("\n  "))
        return unless Karafka.monitor.listening?("worker.stuck")

        Instrumentation::Safely.instrument(
          "worker.stuck",
          { **owner, caller: worker, **event.slice(:topic, :partition, :kind), time: event[:age_ms], backtrace: backtrace }
        )
      end

      def place(event)
        "#{event[:topic]}/#{event[:partition]}"
      end
    end
  end
end

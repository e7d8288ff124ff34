# frozen_string_literal: true

module Karafka
  module ActiveJob
    # Sends on the jobs that have waited in a topic of {Delays}: to the next one, or to their queue.
    class DelayConsumer < Karafka::BaseConsumer
      # The batch counts as processed only when the broker has all of them.
      # @return [void]
      def consume
        produce_many_sync(messages.filter_map { |message| Delays.next(message) || unknown(message) })
      end

      private

      # It would stay forever, and hold up the others.
      def unknown(message)
        text = "#{topic.name}/#{partition}@#{message.offset} is left out: it has no header #{Delays::DUE_AT}, so it is no job that waits"
        Instrumentation::Safely.error(ArgumentError.new(text), "active_job.delay.error", caller: self)
        nil
      end
    end
  end
end

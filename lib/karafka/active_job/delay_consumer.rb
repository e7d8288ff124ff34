# frozen_string_literal: true

module Karafka
  module ActiveJob
    # Sends on the jobs that have waited in a topic of {Delays}: to the next one, or to their queue.
    class DelayConsumer < Karafka::BaseConsumer
      # A job that its queue does not take waits this long before it is tried again, seconds: the topic of a minute takes it.
      AGAIN = 61
      private_constant :AGAIN

      # A job counts as processed when the broker has it. One that its queue does not take neither holds up nor repeats the others.
      # @return [void]
      def consume
        moves = messages.map { |message| Delays.next(message) || unknown(message) }
        sent = moves.map { |move| move && hand_over(move) }
        messages.each_with_index do |message, index|
          settle(moves[index], sent[index]) if moves[index]
          break unless mark_as_consumed(message)
        end
      end

      private

      # @return [WaterDrop::DeliveryHandle, WaterDrop::Errors::ProduceError]
      def hand_over(move)
        produce_async(move)
      rescue WaterDrop::Errors::ProduceError => e
        e
      end

      def settle(move, sent)
        raise sent if sent.is_a?(Exception)

        sent.wait
      rescue WaterDrop::Errors::ProduceError => e
        # It was on its way to the next topic of these.
        raise if Delays.waits?(move)

        produce_sync(Delays.delayed(move, Time.now.to_f + AGAIN))
        report(e)
      end

      # It would stay forever, and hold up the others.
      def unknown(message)
        text = "#{topic.name}/#{partition}@#{message.offset} is left out: it has no header #{Delays::DUE_AT}, or none that names a " \
               "queue, so it is no job that waits"
        report(ArgumentError.new(text))
        nil
      end

      def report(error)
        Instrumentation::Safely.error(error, "active_job.delay.error", caller: self)
      end
    end
  end
end

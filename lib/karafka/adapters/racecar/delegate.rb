# frozen_string_literal: true

module Racecar
  # What the routes name for a racecar consumer: a class of the engine that hands its messages to the one instance there is.
  class Delegate < Karafka::BaseConsumer
    class << self
      # @return [Work]
      attr_reader :work

      # @param work [Work]
      # @return [Class<Delegate>] for the routes
      def for(work)
        Class.new(work.batches? ? EachBatch : EachMessage) do
          @work = work
          # For logs and events.
          define_singleton_method(:name) { work.consumer.class.name }
          define_singleton_method(:to_s) { work.consumer.class.name }
          define_method(:initialized) { @work = work }
        end
      end
    end

    # For `process_batch`.
    class EachBatch < self
      # @return [void]
      def consume
        @work.batch(self, @karafka_lease)
      end
    end

    # For `process`: the routes set `batch_consuming false`, so each message that is done is marked, and has attempts of its own.
    class EachMessage < self
      # @return [void]
      def consume
        @work.message(self, @karafka_lease, @params)
      end
    end
  end
end

# frozen_string_literal: true

module Karafka
  module Failures
    # One message that an operator wants left out, and what became of that.
    class SkipOrder
      # @return [String] in Kafka
      attr_reader :group, :topic
      # @return [Integer]
      attr_reader :partition, :offset
      # @return [String]
      attr_reader :reason
      # @return [Symbol, nil] :dead_lettered, :skipped, :processed (its consumer got through it), :lost (the partition went
      #   elsewhere); nil: it waits
      attr_reader :result
      # @return [String, nil] where a dead letter went
      attr_reader :target
      # @return [Exception, nil] why the dead letter queue did not get it at the last try
      attr_reader :trouble

      # @param group [String]
      # @param topic [String]
      # @param partition [Integer]
      # @param offset [Integer]
      # @param reason [String]
      def initialize(group:, topic:, partition:, offset:, reason:)
        @group = group
        @topic = topic
        @partition = partition
        @offset = offset
        @reason = reason
        @lock = Mutex.new
        @changed = ConditionVariable.new
      end

      # @return [Array(String, String, Integer)] its partition
      def place = [group, topic, partition]

      # @return [String] as in other lines of the log
      def to_s = "#{topic}/#{partition}@#{offset}"

      # The first result counts.
      # @param result [Symbol]
      # @param target [String, nil]
      # @return [void]
      def settle(result, target = nil)
        change do
          next if @result

          @result = result
          @target = target
        end
      end

      # @param error [Exception] it could not be sent; that is tried again
      # @return [void]
      def failed(error)
        change { @trouble = error }
      end

      # Until there is a result, or something went wrong.
      # @param seconds [Numeric]
      # @return [Symbol, nil] the result
      def wait(seconds)
        deadline = Clock.now + seconds
        @lock.synchronize do
          while @result.nil? && @trouble.nil? && (left = deadline - Clock.now).positive?
            @changed.wait(@lock, left)
          end
          @result
        end
      end

      private

      def change
        @lock.synchronize do
          yield
          @changed.broadcast
        end
      end
    end
  end
end

# frozen_string_literal: true

module Karafka
  module Server
    # Pause and resume from outside of the consumers: everything, a group, a topic, a partition. Names are Kafka's.
    module Pausing
      # Begins no more batches of what is named. Those that run end; the process keeps its partitions. The pause of a
      # partition dies with its assignment, the others last until {#resume}.
      # @param group [String, nil] the consumer group in Kafka; nil: all
      # @param topic [String, nil] nil: all
      # @param partition [Integer, nil] nil: all
      # @return [Integer] how many partitions of this process that covers now
      # @raise [ArgumentError] a partition without its topic
      # @raise [Errors::EngineError] no server runs in this process
      def pause(group: nil, topic: nil, partition: nil)
        change(:pause, group, topic, partition)
      end

      # Ends a pause, and those that are a part of it: without arguments all of them.
      # @param group [String, nil]
      # @param topic [String, nil]
      # @param partition [Integer, nil]
      # @return [Integer] how many partitions of this process that covers now
      # @raise [ArgumentError] a partition without its topic
      # @raise [Errors::EngineError] no server runs in this process
      def resume(group: nil, topic: nil, partition: nil)
        change(:resume, group, topic, partition)
      end

      private

      def change(action, group, topic, partition)
        unless partition.nil? || (topic && partition.is_a?(Integer) && partition.between?(0, (2**31) - 1))
          raise ArgumentError, "#{action} takes a partition as an Integer together with its topic, not #{partition.inspect} of #{topic.inspect}"
        end

        engine = runtime&.engine
        raise Errors::EngineError, "no server runs in this process, so there is nothing to #{action}" unless engine

        covered = engine.public_send(action, group&.to_s, topic&.to_s, partition)
        place = { group: group, topic: topic, partition: partition }.compact.map { |name, value| "#{name} #{value}" }.join(", ")
        Karafka.logger.info("#{action} of #{place.empty? ? "everything" : place}: #{covered} partitions of this process")
        covered
      end
    end
  end
end

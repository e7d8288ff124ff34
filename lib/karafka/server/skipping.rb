# frozen_string_literal: true

module Karafka
  module Server
    # Leaves one message out that its consumer cannot process. Names are Kafka's.
    module Skipping
      # How long {#skip} waits for its result, seconds.
      PATIENCE = 10
      private_constant :PATIENCE

      # The message goes to the topic's dead letter queue, with the reason in its headers, or is skipped where there is none. What
      # waits for another attempt is tried again at once, without it. A batch that runs ends first, and so does a {Pausing#pause}:
      # until then the order waits, in the memory of this process.
      # @param topic [String]
      # @param partition [Integer]
      # @param offset [Integer]
      # @param reason [String]
      # @param group [String, nil] the consumer group in Kafka, where several of this process have the partition
      # @param wait [Numeric] for the result, seconds
      # @return [Failures::SkipOrder] `result` says what became of it
      # @raise [ArgumentError] this process does not have the partition, or the message is passed or was not reached yet
      # @raise [Errors::EngineError] no server runs in this process
      def skip(topic:, partition:, offset:, reason:, group: nil, wait: PATIENCE)
        engine = (runtime&.engine if @active) or raise Errors::EngineError, "no server runs in this process: nothing to skip"
        seen = whereabouts(engine, group, topic, partition, offset)
        order = Failures::SkipOrder.new(group: seen[:group], topic: topic, partition: partition, offset: offset, reason: reason)
        order = Failures::SkipOrders.add(order)
        # After it is noted: the next attempt has to find it.
        engine.end_back_off(seen[:group], topic, partition)
        order.wait(seen[:held] ? 0 : wait)
        order
      end

      private

      def whereabouts(engine, group, topic, partition, offset)
        found = engine.whereabouts(group, topic, partition, offset)
        place = "#{topic}/#{partition}"
        raise ArgumentError, "#{place} is not assigned to this process#{of(group)}, which has #{had(engine)}" if found.empty?
        raise ArgumentError, "#{place} is read by #{list(found)}: name one with --group" if found.size > 1

        seen = found.first
        at = seen[:position].negative? ? "has not begun" : "is at #{seen[:position]}"
        case seen[:standing]
        when :passed then raise ArgumentError, "#{place}@#{offset} is passed already: the group #{seen[:group]} #{at}"
        when :ahead then raise ArgumentError, "#{place}@#{offset} is not reached yet: the group #{seen[:group]} #{at}"
        end
        seen
      end

      def of(group) = (" in the group #{group}" if group)
      def list(found) = found.map { |one| one[:group] }.join(" and ")

      def had(engine)
        all = engine.state[:groups].flat_map { |one| one[:assigned] }.sort.map { |name, number| "#{name}/#{number}" }
        all.empty? ? "no partition" : NameList.short(all, 10)
      end
    end
  end
end

# frozen_string_literal: true

module Karafka
  module Server
    # Pause and resume from outside of the consumers: everything, a group, a topic, a partition. Names are Kafka's. Callable
    # from a trap.
    module Pausing
      NUMBER = ->(value) { value.is_a?(Integer) && value.between?(0, (2**31) - 1) }
      private_constant :NUMBER

      # Begins no more batches of what is named. Those that run end; the process keeps its partitions. The pause of a
      # partition dies with its assignment, the others last until {#resume}.
      # @param group [String, nil] the consumer group in Kafka; nil: all
      # @param topic [String, nil] nil: all
      # @param partition [Integer, nil] nil: all
      # @return [Integer] how many partitions of this process that covers now
      # @raise [ArgumentError] a partition without its topic, or a topic or group that no route has
      # @raise [Errors::EngineError] no server runs in this process
      def pause(group: nil, topic: nil, partition: nil)
        change(:pause, group, topic, partition)
      end

      # Ends a pause, and those that are a part of it: without arguments all of them.
      # @param group [String, nil]
      # @param topic [String, nil]
      # @param partition [Integer, nil]
      # @return [Integer] how many partitions of this process that covers now
      # @raise [ArgumentError] a partition without its topic, or a topic or group that no route has
      # @raise [Errors::EngineError] no server runs in this process
      def resume(group: nil, topic: nil, partition: nil)
        change(:resume, group, topic, partition)
      end

      private

      def change(action, group, topic, partition)
        unless partition.nil? || (topic && NUMBER.call(partition))
          raise ArgumentError, "#{action} takes a partition as an Integer together with its topic, not #{partition.inspect}"
        end

        engine = (runtime&.engine if @active) or raise Errors::EngineError, "no server runs in this process: nothing to #{action}"
        drawn!(action, group&.to_s, topic&.to_s)
        covered = engine.public_send(action, group&.to_s, topic&.to_s, partition)
        TrapContext.log(:info, "#{action} of #{place(group, topic, partition)}: #{Amount.of(covered, "partition")} of this process")
        covered
      end

      # What another process of the application consumes is drawn, too: a call that goes to all of them is right in each.
      def drawn!(action, group, topic)
        routes = App.routes.topics
        if group
          known = routes.map { |route| route.consumer_group.id }
          routes = routes.select { |route| route.consumer_group.id == group }
          unknown!(action, "group", group, known) if routes.empty?
        end
        return if topic.nil? || routes.any? { |route| route.matches?(topic) }

        unknown!(action, "topic", topic, routes.reject(&:pattern?).map(&:subscription_name))
      end

      def unknown!(action, kind, name, names)
        raise ArgumentError,
              "nothing to #{action}: no route has the #{kind} `#{name}`.#{Setup.suggestion(name, names)} Names are those in Kafka."
      end

      def place(group, topic, partition)
        named = { group: group, topic: topic, partition: partition }.compact
        named.empty? ? "everything" : named.map { |name, value| "#{name} #{value}" }.join(", ")
      end
    end
  end
end

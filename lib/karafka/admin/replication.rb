# frozen_string_literal: true

require "json"

module Karafka
  class Admin
    # Plans other numbers of replicas. Kafka lets only its own tool move them, which takes the JSON of a plan.
    class Replication < Area
      # Keeps the leaders and as many replicas as it can; new ones go to the brokers, in other racks first, that have the fewest.
      # @param topic [String, Symbol]
      # @param to [Integer] how many replicas each partition is to have
      # @param brokers [Array<Integer>, Hash{Integer=>Array<Integer>}, nil] those that may get replicas; or the replicas of each partition,
      #   the preferred leader first; nil: all brokers
      # @return [Plan]
      # @raise [Errors::InvalidConfigurationError] there are too few brokers, or a broker does not exist
      # @raise [Errors::KafkaError] `code` is :unknown_topic_or_part, …
      def plan(topic:, to:, brokers: nil)
        name = Arguments.name("topic", topic)
        factor = Arguments.count("to", to)
        info, cluster = @connection.session do |session|
          # First: a topic that is missing has an error that says so.
          [session.ask(:describe_topics, names: [name]).first, session.ask(:describe_cluster)]
        end
        current = info[:partitions].to_h { |partition| [partition[:partition_id], partition] }
        Plan.new(topic: name, from: current.transform_values { |partition| partition[:replicas] }, to: factor,
                 assignment: assignment(current, factor, brokers, cluster[:brokers]))
      end

      on_application :plan

      private

      def assignment(current, factor, chosen, known)
        racks = known.to_h { |broker| [broker[:broker_id], broker[:rack]] }
        check_brokers!(chosen.respond_to?(:to_hash) ? chosen.values.flatten : Array(chosen), racks.keys)
        return by_hand(current, factor, chosen.to_hash) if chosen.respond_to?(:to_hash)

        allowed = chosen ? Array(chosen).uniq : racks.keys
        Setup.invalid!("to", factor, "at most the number of brokers, #{allowed.size} (#{allowed.sort.join(", ")})") if allowed.size < factor
        load = allowed.to_h { |id| [id, current.sum { |_, partition| partition[:replicas].count(id) }] }
        current.transform_values { |partition| replicas(partition, factor, load, racks) }
      end

      def check_brokers!(named, known)
        unknown = named.uniq - known
        return if unknown.empty?

        Setup.invalid!("brokers", unknown, "brokers of the cluster (#{known.sort.join(", ")})")
      end

      def by_hand(current, factor, chosen)
        wrong = current.keys.reject { |partition| chosen[partition]&.uniq&.size == factor }
        Setup.invalid!("brokers", chosen, "#{factor} brokers for each partition; wrong for #{wrong.join(", ")}") if wrong.any?

        chosen.slice(*current.keys)
      end

      # The leader goes last.
      def replicas(partition, factor, load, racks)
        leader = partition[:leader]
        kept = partition[:replicas].select { |id| load.key?(id) }.sort_by.with_index { |id, index| [id == leader ? 0 : 1, index] }
        kept.drop(factor).each { |id| load[id] -= 1 }
        kept = kept.first(factor)
        while kept.size < factor
          taken = kept.map { |id| racks[id] }
          id = (load.keys - kept).min_by { |other| [taken.compact.count(racks[other]), load[other], other] }
          load[id] += 1
          kept += [id]
        end
        kept
      end
    end
  end
end

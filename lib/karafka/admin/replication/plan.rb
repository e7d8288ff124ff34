# frozen_string_literal: true

module Karafka
  class Admin
    class Replication
      # Which brokers are to have which partition, and how Kafka's own tool brings that about.
      class Plan
        TOOL = "kafka-reassign-partitions.sh --bootstrap-server BROKER --reassignment-json-file"
        FILE = "reassignment.json"
        private_constant :TOOL, :FILE

        # @return [String]
        attr_reader :topic
        # @return [Integer] the fewest replicas that a partition has now
        attr_reader :current_replication_factor
        # @return [Integer]
        attr_reader :target_replication_factor
        # @return [Hash{Integer=>Array<Integer>}] brokers by partition, the preferred leader first
        attr_reader :partitions_assignment

        # @api private
        def initialize(topic:, from:, to:, assignment:)
          @topic = topic
          @before = from
          @current_replication_factor = from.values.map(&:size).min || 0
          @target_replication_factor = to
          @partitions_assignment = assignment
        end

        # @return [Boolean] whether it changes anything
        def changes?
          partitions_assignment != @before
        end

        # @return [String] what Kafka's kafka-reassign-partitions.sh takes
        def reassignment_json
          rows = partitions_assignment.sort.map { |partition, replicas| { topic: topic, partition: partition, replicas: replicas } }
          JSON.pretty_generate(version: 1, partitions: rows)
        end

        # @return [Hash{Symbol=>String}] `execute`, `verify` and `cancel`
        def execution_commands
          %i[execute verify cancel].to_h { |action| [action, "#{TOOL} #{FILE} --#{action}"] }
        end

        # @return [Array<String>] what to do, one after the other
        def steps
          ["Write the plan into a file: export_to_file(\"#{FILE}\")", "Begin: #{execution_commands[:execute]}",
           "Look until all is done: #{execution_commands[:verify]}"]
        end

        # @param path [String]
        # @return [String] the path
        def export_to_file(path)
          File.write(path, reassignment_json)
          path
        end

        # @return [String]
        def summary
          lines = partitions_assignment.sort.map do |partition, replicas|
            before = @before.fetch(partition, [])
            same = before == replicas
            "  #{partition}: #{before.join(", ")}#{" -> #{replicas.join(", ")}" unless same}"
          end
          ["#{topic}: #{current_replication_factor} -> #{target_replication_factor} replicas", *lines].join("\n")
        end
        alias to_s summary
      end
    end
  end
end

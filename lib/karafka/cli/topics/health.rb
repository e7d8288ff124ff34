# frozen_string_literal: true

module Karafka
  module Cli
    module Topics
      # What `karafka topics health` finds in one topic: where messages cannot be written now, and where one broker's end would
      # be enough.
      module Health
        NO_LEADER = "has no leader: nothing can be written or read until a broker with a replica is back"
        private_constant :NO_LEADER

        class << self
          # @param topic [Hash] as {Admin::Topics#info} gives it
          # @param least_in_sync [Integer] its `min.insync.replicas`
          # @return [Array<Hash{Symbol=>String}>] :severity ("error", "warning"), :topic, :text
          def findings(topic, least_in_sync)
            list = topic[:partitions].flat_map { |partition| of_partition(partition, least_in_sync) }
            grouped = list.group_by { |severity, text, _| [severity, text] }
            grouped.map do |(severity, text), found|
              { severity: severity, topic: topic[:topic_name], text: "#{text} (#{partitions(found.map(&:last))})" }
            end
          end

          private

          def of_partition(partition, least_in_sync)
            id = partition[:partition_id]
            return [["error", NO_LEADER, id]] if partition[:leader].negative?

            in_sync, replicas = partition.values_at(:isrs, :replicas).map(&:size)
            behind = "#{in_sync} of #{replicas} replicas are in sync"
            if in_sync < least_in_sync
              return [["error", "#{behind}, min.insync.replicas is #{least_in_sync}: writes with acks=all fail", id]]
            end

            found = []
            found << ["warning", behind, id] if in_sync < replicas
            found << ["warning", risk(replicas, least_in_sync), id] if replicas <= [least_in_sync, 1].max
            found
          end

          def risk(replicas, least_in_sync)
            return "has one replica: its messages are lost with that broker" if replicas == 1

            "replication factor #{replicas} and min.insync.replicas #{least_in_sync}: writes fail as soon as one broker is down"
          end

          def partitions(ids) = "#{Amount.word(ids.size, "partition")} #{ids.sort.join(", ")}"
        end
      end
    end
  end
end

# frozen_string_literal: true

module Karafka
  # The last statistics of librdkafka about single partitions, for {Consumers::InlineInsights#insights}.
  module Insights
    NONE = {}.freeze
    private_constant :NONE
    @partitions = {}
    @lock = Mutex.new

    class << self
      # @param group_id [String] name of the consumer group in Kafka
      # @param statistics [Hash{String=>Object}] of one of its clients
      # @return [void]
      def add(group_id, statistics)
        found = Hash(statistics["topics"]).flat_map do |topic, details|
          # A client knows all partitions of its topics, also those of other members.
          mine = Hash(details["partitions"]).reject { |_, partition| partition["fetch_state"] == "none" }
          mine.map { |number, partition| [[group_id, topic, Integer(number, 10)], partition] }
        end
        @lock.synchronize { @partitions = @partitions.merge(found.to_h) }
      end

      # @param group_id [String]
      # @param topic [String] its name in Kafka
      # @param partition [Integer]
      # @return [Hash{String=>Object}] empty while there is none
      def of(group_id, topic, partition)
        @partitions[[group_id, topic, partition]] || NONE
      end

      # @param group_id [String]
      # @param partitions [Array<(String, Integer)>] that are not this process's any more
      # @return [void]
      def forget(group_id, partitions)
        gone = partitions.map { |topic, partition| [group_id, topic, partition] }
        @lock.synchronize { @partitions = @partitions.except(*gone) }
      end
    end
  end
end

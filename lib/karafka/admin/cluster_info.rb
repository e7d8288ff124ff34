# frozen_string_literal: true

module Karafka
  class Admin
    # Brokers and topics of a cluster.
    class ClusterInfo
      # @return [String, nil]
      attr_reader :cluster_id
      # @return [Integer] the broker that decides for the cluster; -1: not known
      attr_reader :controller_id
      # @return [Array<Hash{Symbol=>Object}>] `broker_id`, `broker_name`, `broker_port` and `rack` of each
      attr_reader :brokers
      # @return [Array<Hash{Symbol=>Object}>] as {Topics#info} describes them, by name
      attr_reader :topics

      # @api private
      def initialize(cluster_id:, controller_id:, brokers:, topics:)
        @cluster_id = cluster_id
        @controller_id = controller_id
        @brokers = brokers.sort_by { |broker| broker[:broker_id] }
        # A topic that this client may not see has an error and no partitions.
        readable = topics.reject { |topic| topic[:error] }
        @topics = readable.map { |topic| Topics.description(topic) }.sort_by { |topic| topic[:topic_name] }
      end
    end
  end
end

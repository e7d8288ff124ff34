# frozen_string_literal: true

module Kafka
  # A broker of the cluster.
  BrokerInfo = Struct.new(:node_id, :host, :port) do
    # @return [String]
    def to_s = "#{host}:#{port} (node_id=#{node_id.inspect})"
  end

  # The partitions of a member, by topic.
  MemberAssignment = Struct.new(:topics)
  # A member of a consumer group.
  GroupMember = Struct.new(:member_id, :client_id, :client_host, :member_assignment)
  # A consumer group.
  GroupDescription = Struct.new(:group_id, :state, :protocol, :members) # rubocop:disable Lint/StructNewOverride -- ruby-kafka's name
  # What a group has committed.
  CommittedOffset = Struct.new(:offset, :metadata, :error_code)

  # Topics, groups and brokers. Names and results are ruby-kafka's.
  module Administration
    # @return [Array<String>]
    # @raise [Error]
    def topics = asked { |admin| admin.cluster_info.topics.map { |topic| topic[:topic_name] } }

    # @return [Boolean]
    # @raise [Error] other than {UnknownTopicOrPartition}
    def has_topic?(topic) # rubocop:disable Naming/PredicateName -- ruby-kafka's name
      partitions_for(topic).positive?
    rescue UnknownTopicOrPartition
      false
    end

    # @param num_partitions [Integer]
    # @param replication_factor [Integer]
    # @param timeout [Numeric] seconds
    # @param config [Hash{String=>Object}]
    # @return [nil]
    # @raise [TopicAlreadyExists]
    # @raise [Error]
    def create_topic(name, num_partitions: 1, replication_factor: 1, timeout: 30, config: {})
      asked(timeout) { |admin| admin.topics.create(name.to_s, num_partitions, replication_factor, config.transform_values(&:to_s)) }
      nil
    end

    # @return [nil]
    # @raise [UnknownTopicOrPartition]
    def delete_topic(name, timeout: 30)
      asked(timeout) { |admin| admin.topics.delete(name.to_s) }
      nil
    end

    # @param num_partitions [Integer] how many it is to have then
    # @return [nil]
    # @raise [InvalidPartitions]
    def create_partitions_for(name, num_partitions: 1, timeout: 30)
      asked(timeout) { |admin| admin.topics.create_partitions(name.to_s, num_partitions) }
      nil
    end

    # @param configs [Array<String>] names of settings; none: all
    # @return [Hash{String=>String}]
    # @raise [UnknownTopicOrPartition]
    def describe_topic(name, configs = [])
      described(:topic, name.to_s, configs).to_h { |config| [config.name, config.value] }
    end

    # Other settings of the topic stay as they are.
    # @param configs [Hash{String=>Object}]
    # @return [nil]
    # @raise [InvalidConfig]
    def alter_topic(name, configs = {}) = change(:topic, name.to_s, configs)

    # @param broker_id [Integer]
    # @param configs [Array<String>]
    # @return [Array<Karafka::Admin::Configs::Config>] each with `name`, `value` and `read_only?`
    def describe_configs(broker_id, configs = []) = described(:broker, broker_id.to_s, configs)

    # @param configs [Hash{String=>Object}, Array<Array(String, Object)>]
    # @return [nil]
    def alter_configs(broker_id, configs = []) = change(:broker, broker_id.to_s, configs.to_h)

    # @return [Integer]
    # @raise [UnknownTopicOrPartition]
    def partitions_for(topic) = asked { |admin| admin.topics.info(topic.to_s)[:partition_count] }

    # @return [Integer]
    # @raise [UnknownTopicOrPartition]
    def replica_count_for(topic) = asked { |admin| admin.topics.info(topic.to_s)[:partitions].first[:replica_count] }

    # @return [Integer] of the last message; -1: there has been none
    # @raise [UnknownTopicOrPartition]
    def last_offset_for(topic, partition) = asked { |admin| admin.topics.read_watermark_offsets(topic.to_s, partition).last - 1 }

    # @return [Hash{String=>Hash{Integer=>Integer}}] by topic and partition
    # @raise [UnknownTopicOrPartition]
    def last_offsets_for(*topics)
      asked do |admin|
        places = topics.flatten.to_h do |topic|
          [topic.to_s, Array.new(admin.topics.info(topic.to_s)[:partition_count]) do |number|
                         number
                       end]
        end
        admin.topics.read_watermark_offsets(places).transform_values { |found| found.transform_values { |range| range.last - 1 } }
      end
    end

    # @return [Array<String>] ids of all consumer groups
    def groups = asked { |admin| admin.consumer_groups.list.map(&:id) }

    # @return [GroupDescription] `state` as Kafka writes it, such as "Stable"; "Dead" where there is no such group
    def describe_group(group_id)
      group = asked { |admin| admin.consumer_groups.describe(group_id.to_s).first }
      members = group.members.map do |member|
        GroupMember.new(member.id, member.client_id, member.host, MemberAssignment.new(member.assignment))
      end
      GroupDescription.new(group_id, group.state.to_s.split("_").map(&:capitalize).join, group.assignor, members)
    end

    # @return [Hash{String=>Hash{Integer=>CommittedOffset}}] by topic and partition
    def fetch_group_offsets(group_id)
      rows = asked { |admin| admin.consumer_groups.committed_offsets(group_id.to_s) }
      rows.each_with_object({}) do |row, found|
        (found[row.topic] ||= {})[row.partition] = CommittedOffset.new(row.offset, row.metadata, 0)
      end
    end

    # @return [Array<BrokerInfo>]
    def brokers
      asked do |admin|
        admin.cluster_info.brokers.map do |broker|
          BrokerInfo.new(*broker.values_at(:broker_id, :broker_name, :broker_port))
        end
      end
    end

    # @return [BrokerInfo]
    def controller_broker
      info = asked(&:cluster_info)
      broker = info.brokers.find { |candidate| candidate[:broker_id] == info.controller_id } or
        raise NoSuchBroker, "the brokers do not say which of them is the controller"
      BrokerInfo.new(*broker.values_at(:broker_id, :broker_name, :broker_port))
    end

    private

    def asked(seconds = 0)
      ErrorNames.translated { yield admin(seconds) }
    end

    def admin(seconds = 0)
      patience = [seconds, @settings.patience].max
      Karafka::Admin.new(kafka: @settings.with({}), tokens: @settings.tokens, max_wait_time: (patience * 1_000).ceil)
    end

    def described(type, name, wanted)
      found = asked { |admin| admin.configs.describe(Karafka::Admin::Configs::Resource.new(type: type, name: name)).first.configs }
      wanted.empty? ? found : found.select { |config| wanted.map(&:to_s).include?(config.name) }
    end

    def change(type, name, configs)
      resource = Karafka::Admin::Configs::Resource.new(type: type, name: name)
      configs.each { |setting, value| resource.set(setting.to_s, value.to_s) }
      asked { |admin| admin.configs.alter(resource) }
      nil
    end
  end
end

# frozen_string_literal: true

require "forwardable"

module Karafka
  # Administration of a cluster: topics, consumer groups, settings and rights. Each call has a client of its own, which is closed
  # afterwards, waits outside of the GVL for `config.admin.max_wait_time` at most, and never commits in the name of a consumer.
  #
  # The methods of the class administrate the application's cluster, an instance another one:
  #
  #   Karafka::Admin.create_topic("orders", 3, 1)
  #   Karafka::Admin.new(kafka: { "bootstrap.servers": "other:9092" }).create_topic("orders", 3, 1)
  class Admin
    extend Forwardable
    extend SingleForwardable

    TOPICS = { create_topic: :create, delete_topic: :delete, create_partitions: :create_partitions, topic_info: :info, read_topic: :read,
               read_watermark_offsets: :read_watermark_offsets, read_partition_offsets: :read_partition_offsets }.freeze
    GROUPS = { seek_consumer_group: :seek, copy_consumer_group: :copy, rename_consumer_group: :rename, delete_consumer_group: :delete,
               trigger_rebalance: :trigger_rebalance,
               read_lags_with_offsets: :read_lags_with_offsets }.freeze
    private_constant :TOPICS, :GROUPS

    # @param kafka [Hash{Symbol, String=>Object}] settings of librdkafka besides, or instead of, `config.kafka` and `config.admin.kafka`
    # @param tokens [Object, nil] gives tokens instead of `config.oauth.token_provider_listener`
    # @param max_wait_time [Numeric, nil] ms that a call may take; nil: `config.admin.max_wait_time`
    # @raise [Errors::InvalidConfigurationError]
    def initialize(kafka: {}, tokens: nil, max_wait_time: nil)
      @connection = Connection.new(kafka, tokens: tokens, max_wait_time: max_wait_time)
    end

    # @return [Topics]
    def topics
      @topics ||= Topics.new(@connection)
    end

    # @return [ConsumerGroups]
    def consumer_groups
      @consumer_groups ||= ConsumerGroups.new(@connection)
    end

    # @return [Configs]
    def configs
      @configs ||= Configs.new(@connection)
    end

    # @return [Acls]
    def acls
      @acls ||= Acls.new(@connection)
    end

    # @return [Replication]
    def replication
      @replication ||= Replication.new(@connection)
    end

    # Messages of topics, without a group.
    # @param topics [String, Symbol, Array<String, Symbol>]
    # @param options [Hash{Symbol=>Object}] as {Iterator#initialize}
    # @return [Iterator]
    def iterator(topics, **options)
      Iterator.new(topics, connection: @connection, **options)
    end

    # Brokers and topics.
    # @return [ClusterInfo]
    # @raise [Errors::KafkaError]
    def cluster_info
      ClusterInfo.new(**@connection.ask(:describe_cluster))
    end

    # What this client may do, as the brokers see it.
    # @param topics [Array<String>]
    # @param groups [Array<String>]
    # @return [Hash{Symbol=>Hash{String=>Hash{Symbol=>Object}}}] `topics` and `groups` by name, each with `operations` ("read",
    #   "write", "describe", …; nil: the broker does not say) and `error`, such as "topic_authorization_failed", or nil
    # @raise [Errors::KafkaError]
    def rights(topics: [], groups: [])
      @connection.ask(:rights, topics: topics, groups: groups)
    end

    # @!method create_topic(name, partitions, replication_factor, config = {})
    #   As {Topics#create}.
    # @!method delete_topic(name)
    #   As {Topics#delete}.
    # @!method create_partitions(name, total)
    #   As {Topics#create_partitions}.
    # @!method topic_info(name)
    #   As {Topics#info}.
    # @!method read_topic(name, partition, count, start_offset = -1, settings = {})
    #   As {Topics#read}.
    # @!method read_watermark_offsets(name_or_partitions, partition = nil)
    #   As {Topics#read_watermark_offsets}.
    # @!method read_partition_offsets(spec, isolation_level: nil)
    #   As {Topics#read_partition_offsets}.
    TOPICS.each { |name, method| def_instance_delegator :topics, method, name }

    # @!method seek_consumer_group(group, topics, wait: 0, dry_run: false)
    #   As {ConsumerGroups#seek}.
    # @!method copy_consumer_group(from, to, topics)
    #   As {ConsumerGroups#copy}.
    # @!method rename_consumer_group(from, to, topics, delete_previous: true)
    #   As {ConsumerGroups#rename}.
    # @!method delete_consumer_group(group, wait: 0)
    #   As {ConsumerGroups#delete}.
    # @!method trigger_rebalance(group)
    #   As {ConsumerGroups#trigger_rebalance}.
    # @!method read_lags_with_offsets(groups = {}, active_topics_only: true)
    #   As {ConsumerGroups#read_lags_with_offsets}.
    GROUPS.each { |name, method| def_instance_delegator :consumer_groups, method, name }

    # As {Replication#plan}.
    # @param replication_factor [Integer] how many replicas each partition is to have
    # @return [Replication::Plan]
    def plan_topic_replication(topic:, replication_factor:, brokers: nil)
      replication.plan(topic: topic, to: replication_factor, brokers: brokers)
    end

    # The same for the application's cluster, on an instance made for the call.
    def_single_delegators :new, :topics, :consumer_groups, :configs, :acls, :replication, :iterator, :cluster_info, :rights,
                          :plan_topic_replication,
                          *TOPICS.keys, *GROUPS.keys
  end
end

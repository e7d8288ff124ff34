# frozen_string_literal: true

module Karafka
  class Admin
    # Topics. What changes one returns when the metadata of the brokers shows the change.
    class Topics < Area
      # @return [Hash{Symbol=>Integer}] positions of a partition besides offsets and times
      POSITIONS = { latest: -1, earliest: -2, max_timestamp: -3 }.freeze
      private_constant :POSITIONS

      # What is at a position of a partition. `offset` is -1 where no message is that young, `timestamp` and `leader_epoch` are
      # nil where they are not known.
      PartitionOffset = Struct.new(:topic, :partition, :offset, :timestamp, :leader_epoch, keyword_init: true) # rubocop:disable Lint/StructNewOverride -- nobody partitions it

      class << self
        # @param topic [Hash{Symbol=>Object}] of the engine
        # @return [Hash{Symbol=>Object}] as {Topics#info}
        # @api private
        def description(topic)
          partitions = topic[:partitions].sort_by { |partition| partition[:partition_id] }
          { topic_name: topic[:topic_name], topic_id: topic[:topic_id], internal: topic[:internal],
            partition_count: partitions.size,
            partitions: partitions.map { |partition| partition.merge(counts(partition)) } }
        end

        private

        def counts(partition)
          { replica_count: partition[:replicas].size, in_sync_replica_brokers: partition[:isrs] }
        end
      end

      # @param name [String, Symbol]
      # @param partitions [Integer]
      # @param replication_factor [Integer] at most the number of brokers
      # @param config [Hash{String, Symbol=>Object}] Kafka's settings of the topic, such as `"cleanup.policy": "compact"`
      # @param dry_run [Boolean] only check whether the brokers would create it
      # @param settings [Hash{Symbol=>Object}] the same as `config`, as keywords
      # @return [true]
      # @raise [Errors::KafkaError] `code` is :topic_already_exists, :topic_exception (its name), :invalid_replication_factor,
      #   :invalid_config, …
      def create(name, partitions, replication_factor, config = {}, dry_run: false, **settings)
        ask(:create_topic, name: topic_name(name), partitions: Arguments.count("partitions", partitions),
                           replication_factor: Arguments.count("replication_factor", replication_factor),
                           config: Arguments.config(config).merge(Arguments.config(settings)), validate_only: dry_run)
      end

      # @param name [String, Symbol]
      # @return [true]
      # @raise [Errors::KafkaError] `code` is :unknown_topic_or_part, …
      def delete(name)
        ask(:delete_topic, name: topic_name(name))
      end

      # @param name [String, Symbol]
      # @param total [Integer] how many it is to have then
      # @param dry_run [Boolean] only check whether the brokers would do it
      # @return [true]
      # @raise [Errors::KafkaError] `code` is :unknown_topic_or_part, :invalid_partitions, …
      def create_partitions(name, total, dry_run: false)
        ask(:create_partitions, name: topic_name(name), total: Arguments.count("partitions", total), validate_only: dry_run)
      end

      # @param name [String, Symbol]
      # @return [Hash{Symbol=>Object}] `topic_name`, `topic_id`, `internal`, `partition_count` and `partitions`, each with
      #   `partition_id`, `leader`, `replicas`, `replica_count`, `isrs`, `in_sync_replica_brokers`
      # @raise [Errors::KafkaError] `code` is :unknown_topic_or_part, …
      def info(name)
        infos([name]).first
      end

      # @param names [Array<String, Symbol>]
      # @return [Array<Hash{Symbol=>Object}>] as {info}, in this order
      # @raise [Errors::KafkaError]
      def infos(names)
        names = names.map { |name| topic_name(name) }
        found = ask(:describe_topics, names: names.uniq).to_h { |topic| [topic[:topic_name], topic] }
        names.map { |name| Topics.description(found.fetch(name)) }
      end

      # @return [Array<String>] names of all topics that this client may see, without Kafka's own
      # @raise [Errors::KafkaError]
      def names
        ask(:list_topics).reject { |topic| topic[:internal] || topic[:error] }.map { |topic| topic[:topic_name] }.sort
      end

      # Where partitions begin and end.
      # @overload read_watermark_offsets(name, partition)
      #   @param name [String, Symbol]
      #   @param partition [Integer]
      #   @return [Array(Integer, Integer)]
      # @overload read_watermark_offsets(partitions)
      #   @param partitions [Hash{String, Symbol=>Array<Integer>}] by topic; one request to each broker, however many they are
      #   @return [Hash{String=>Hash{Integer=>Array(Integer, Integer)}}]
      # @raise [Errors::KafkaError] `code` is :unknown_topic_or_part, :unknown_partition, …
      def read_watermark_offsets(name_or_partitions, partition = nil)
        return several_watermarks(Arguments.partitions(name_or_partitions)) if name_or_partitions.respond_to?(:to_hash)

        name = topic_name(name_or_partitions)
        several_watermarks(name => [Arguments.partition(partition)]).fetch(name).fetch(partition)
      end

      # Offsets at positions: `{ "orders" => [{ partition: 0, offset: :earliest }, { partition: 1, offset: Time.now - 60 }] }`.
      # @param spec [Hash{String, Symbol=>Array<Hash{Symbol=>Object}>}] `offset` is :earliest, :latest, :max_timestamp, a Time, or a time
      #   in milliseconds since 1970
      # @param isolation_level [Integer, nil] of {IsolationLevels}
      # @return [Array<PartitionOffset>] in the order of the question
      # @raise [Errors::KafkaError]
      def read_partition_offsets(spec, isolation_level: nil)
        committed_only = IsolationLevels.committed?(isolation_level)
        rows = list_offsets(questions(spec), committed_only)
        rows.map { |row| PartitionOffset.new(**row.slice(:topic, :partition, :offset, :leader_epoch), timestamp: known(row[:timestamp])) }
      end

      # Messages of one partition, for a look at them. Reads without a group, and commits nothing.
      # @param name [String, Symbol]
      # @param partition [Integer]
      # @param count [Integer] at most
      # @param start_offset [Integer, Time] -1: the last `count` messages; fewer where transactions or compaction left gaps
      # @param settings [Hash{Symbol, String=>Object}] of librdkafka, such as `"fetch.message.max.bytes"`
      # @return [Array<Messages::Message>] with the deserializers of the topic's route
      # @raise [Errors::KafkaError] `code` is :unknown_topic_or_part, …
      def read(name, partition, count, start_offset = -1, settings = {})
        Arguments.count("count", count)
        from = start_offset == -1 ? -count : start_offset
        if from.is_a?(Integer) && from < -count
          Setup.invalid!("start_offset", from,
                         "an offset of at least 0, a Time, or -1 for the last messages")
        end

        connection = settings.empty? ? @connection : @connection.with(settings)
        Iterator.new(name, from: from, partitions: [partition], max_messages: [count, 1_000].min, connection: connection).first(count)
      end

      # Deletes the messages before these offsets.
      # @param offsets [Hash{String, Symbol=>Hash{Integer=>Integer, Symbol}}] by topic and partition; :latest deletes all there are
      # @return [Hash{String=>Hash{Integer=>Integer}}] where the partitions begin then
      # @raise [Errors::KafkaError]
      def delete_records(offsets)
        rows = offsets.flat_map do |topic, partitions|
          partitions.map { |partition, offset| [topic_name(topic), Arguments.partition(partition), before(offset)] }
        end
        nested(ask(:delete_records, offsets: rows)) { |offset| offset }
      end

      # Has the preferred replica of each partition lead it again, such as after a broker was away.
      # @param partitions [Hash{String, Symbol=>Array<Integer>}, nil] by topic; nil: all partitions of the cluster
      # @param unclean [Boolean] whatever replica is left leads a partition that has no leader; messages may be lost
      # @return [Hash{String=>Array<Integer>}] partitions that got another leader
      # @raise [Errors::KafkaError] `code` is :preferred_leader_not_available, …
      def elect_leaders(partitions = nil, unclean: false)
        wanted = partitions && Arguments.partitions(partitions)
        elected = ask(:elect_leaders, partitions: wanted, unclean: unclean)
        elected.group_by(&:first).transform_values { |rows| rows.map(&:last).sort }
      end

      on_application :create, :delete, :create_partitions, :info, :infos, :names, :read, :read_watermark_offsets,
                     :read_partition_offsets, :delete_records, :elect_leaders

      private

      def topic_name(name) = Arguments.name("topic", name)
      def known(value) = value.negative? ? nil : value

      def before(offset)
        return POSITIONS[:latest] if offset.to_s == "latest"
        return offset if Arguments.offset?(offset)

        Setup.invalid!("offset", offset, "an Integer of at least 0, or :latest")
      end

      def several_watermarks(partitions)
        places = partitions.flat_map { |topic, numbers| numbers.map { |number| [topic, number] } }
        asked = places.flat_map { |place| [[*place, POSITIONS[:earliest]], [*place, POSITIONS[:latest]]] }
        rows = list_offsets(asked, false).each_slice(2)
        nested(rows.map { |low, high| [low[:topic], low[:partition], [low[:offset], high[:offset]]] }) { |pair| pair }
      end

      def nested(rows)
        rows.each_with_object({}) { |(topic, partition, value), found| (found[topic] ||= {})[partition] = yield(value) }
      end

      def list_offsets(asked, committed_only)
        ask(:list_offsets, offsets: asked, committed_only: committed_only)
      end

      def questions(spec)
        Setup.invalid!("offsets", spec, "a Hash of topics with Arrays of { partition:, offset: }") unless spec.respond_to?(:to_hash)

        spec.to_hash.flat_map do |topic, rows|
          Array(rows.respond_to?(:to_hash) ? [rows] : rows).map do |row|
            [topic_name(topic), Arguments.partition(row.fetch(:partition)), position(row.fetch(:offset))]
          end
        end
      end

      def position(offset)
        return POSITIONS[offset.to_sym] if (offset.is_a?(Symbol) || offset.is_a?(String)) && POSITIONS.key?(offset.to_sym)
        return Arguments.milliseconds(offset) if Arguments.offset?(offset) || Arguments.time?(offset)

        Setup.invalid!("offset", offset, "one of :earliest, :latest, :max_timestamp, a Time, or a time in milliseconds since 1970")
      end
    end
  end
end

# frozen_string_literal: true

module Karafka
  class Admin
    # Consumer groups: their members, their offsets, and how far they are behind.
    class ConsumerGroups < Area
      # A group in a list. `simple`: nobody has ever joined it, offsets were committed in its name.
      Listing = Struct.new(:id, :state, :type, :simple, keyword_init: true)

      # What a group has committed for a partition.
      CommittedOffset = Struct.new(:topic, :partition, :offset, :metadata, :leader_epoch, keyword_init: true) # rubocop:disable Lint/StructNewOverride -- nobody partitions it

      # How often it is looked whether the members are gone, in seconds.
      LOOK = 0.25
      private_constant :LOOK

      # @return [Array<Listing>] all groups, of both protocols
      # @raise [Errors::KafkaError]
      def list
        ask(:list_groups).map do |group|
          Listing.new(id: group[:group], state: group[:state].to_sym, type: group[:type].to_sym, simple: group[:simple])
        end
      end

      # @param groups [Array<String>]
      # @return [Array<Group>] in this order; of a group that does not exist the state is :dead
      # @raise [Errors::KafkaError]
      def describe(*groups)
        names = groups.flatten.map { |group| group_name(group) }
        ask(:describe_groups, groups: names).map { |group| Group.new(**group) }
      end

      # @param group [String]
      # @param topics [Hash{String=>Array<Integer>}, nil] nil: all that it has committed
      # @return [Array<CommittedOffset>] without partitions in which it has committed nothing
      # @raise [Errors::KafkaError]
      def committed_offsets(group, topics = nil)
        wanted = topics && Arguments.partitions(topics)
        rows = ask(:committed_offsets, groups: { group_name(group) => wanted }).fetch(group_name(group))
        rows.reject { |row| row[:offset].negative? }.map { |row| CommittedOffset.new(**row) }
      end

      # Commits in the name of a group without members, with metadata of the caller's.
      # @param group [String]
      # @param offsets [Array<CommittedOffset>]
      # @return [true]
      # @raise [Errors::ActiveGroupError] it has members
      # @raise [Errors::KafkaError]
      def commit(group, offsets)
        group = group_name(group)
        rows = offsets.map { |offset| offset.to_h.compact }
        without_members(group, 0) do |session|
          session.ask(:alter_offsets, group: group, offsets: rows)
        rescue Errors::KafkaError => e
          members_of(session, group) || raise(e)
        end
      end

      # Moves a group without members to other offsets:
      # `{ "orders" => :earliest, "payments" => Time.now - 3600, "mails" => { 0 => 120, 1 => :latest } }`.
      # A time stands for the first message that is not older, or the end of the partition.
      # @param group [String]
      # @param topics [Hash{String, Symbol=>Object}]
      # @param wait [Numeric] how many seconds to wait until its members are gone
      # @param dry_run [Boolean] only look the offsets up
      # @param more [Hash{String, Symbol=>Object}] the same as `topics`, without braces
      # @return [Hash{String=>Hash{Integer=>Integer}}] the new offsets by topic and partition
      # @raise [Errors::ActiveGroupError] it has members, which would commit over it
      # @raise [Errors::KafkaError]
      def seek(group, topics = {}, wait: 0, dry_run: false, **more)
        group = group_name(group)
        targets = Targets.of(more.empty? ? topics : topics.merge(more))
        without_members(group, wait) do |session|
          answer = session.ask(:seek_group, group: group, targets: targets, dry_run: dry_run)
          next active(session, answer["active"]) if answer.key?("active")

          answer.fetch("moved").each_with_object({}) { |row, moved| (moved[row[:topic]] ||= {})[row[:partition]] = row[:offset] }
        end
      end

      # Commits the offsets that one group has in the name of another.
      # @param from [String]
      # @param to [String] a group without members
      # @param topics [Array<String>] whose offsets
      # @return [Boolean] false: the first group has committed nothing there
      # @raise [Errors::ActiveGroupError] the second group has members
      # @raise [Errors::KafkaError]
      def copy(from, to, topics)
        from, to = distinct(from, to)
        names = Array(topics).map { |topic| Arguments.name("topic", topic) }
        @connection.session do |session|
          rows = session.ask(:committed_offsets, groups: { from => nil }).fetch(from)
          rows = rows.select { |row| names.include?(row[:topic]) && row[:offset] >= 0 }
          next false if rows.empty?

          refuse_members(session, to)
          session.ask(:alter_offsets, group: to, offsets: rows)
        end
      end

      # Copies the offsets, then deletes the first group.
      # @param from [String] a group without members
      # @param to [String] a group without members
      # @param topics [Array<String>] whose offsets
      # @param delete_previous [Boolean] false: keeps the first group
      # @return [Boolean] false: the first group has committed nothing there, and stays
      # @raise [Errors::ActiveGroupError]
      # @raise [Errors::KafkaError]
      def rename(from, to, topics, delete_previous: true)
        # Members of the old one would go on with offsets of their own.
        @connection.session { |session| refuse_members(session, group_name(from)) }
        copied = copy(from, to, topics)
        delete(from) if copied && delete_previous
        copied
      end

      # Deletes a group with its offsets.
      # @param group [String]
      # @param wait [Numeric] how many seconds to wait until its members are gone
      # @return [true]
      # @raise [Errors::ActiveGroupError] it has members
      # @raise [Errors::KafkaError] `code` is :group_id_not_found, …
      def delete(group, wait: 0)
        group = group_name(group)
        without_members(group, wait) do |session|
          session.ask(:delete_group, group: group)
        rescue Errors::KafkaError => e
          raise unless e.code == :non_empty_group

          members_of(session, group) || raise
        end
      end

      # Forgets what a group has committed for these partitions.
      # @param group [String]
      # @param topics [Hash{String=>Array<Integer>}] partitions by topic
      # @return [true]
      # @raise [Errors::KafkaError] `code` is :group_subscribed_to_topic where a member consumes the topic
      def delete_offsets(group, topics)
        ask(:delete_offsets, group: group_name(group), partitions: Arguments.partitions(topics))
      end

      # Makes the members share the partitions anew: one joins, and leaves again.
      # @param group [String]
      # @return [Boolean] false: it has no members
      # @raise [Errors::KafkaError]
      def trigger_rebalance(group)
        ask(:trigger_rebalance, group: group_name(group), kafka: @connection.member)
      end

      # What groups have committed, and how many messages they are behind. One question for the ends of all partitions, one for each
      # group, 50 of them at once.
      # @param groups [Hash{String=>Array<String>}] topics by group, none of them: all that it has committed in;
      #   {}: the groups and topics of the routes
      # @param active_topics_only [Boolean] of the routes
      # @return [Hash{String=>Hash{String=>Hash{Integer=>Hash{Symbol=>Integer}}}}] `{ offset:, lag: }` by group, topic and partition;
      #   both are -1 where the group has committed nothing, `lag` alone where the topic is gone
      # @raise [Errors::KafkaError]
      def read_lags_with_offsets(groups = {}, active_topics_only: true)
        wanted = groups.empty? ? routed(active_topics_only) : groups.to_hash
        wanted = wanted.to_h do |group, topics|
          names = Array(topics).map { |topic| Arguments.name("topic", topic) }
          [group_name(group), names.empty? ? nil : names]
        end
        wanted.empty? ? {} : ask(:lags, groups: wanted)
      end

      on_application :list, :describe, :committed_offsets, :commit, :seek, :copy, :rename, :delete, :delete_offsets,
                     :trigger_rebalance, :read_lags_with_offsets

      private

      def group_name(name) = Arguments.name("group", name)

      def distinct(from, to)
        from = group_name(from)
        to = group_name(to)
        Setup.invalid!("the second group", to, "another one than the first") if from == to
        [from, to]
      end

      # The block gives its result, or the error of a group that has members.
      def without_members(group, wait)
        until_ms = Clock.now_ms + (wait * 1_000)
        @connection.session(limit_ms: @connection.max_wait_time + (wait * 1_000)) do |session|
          result = yield session
          if result.is_a?(Errors::ActiveGroupError) && until_ms > Clock.now_ms
            App.logger.info("Waiting #{wait} s at most until group #{group} has no members")
          end
          while result.is_a?(Errors::ActiveGroupError)
            raise result if Clock.now_ms >= until_ms

            sleep(LOOK)
            result = yield session
          end
          result
        end
      end

      def refuse_members(session, group)
        error = members_of(session, group)
        raise error if error
      end

      def members_of(session, group)
        found = session.ask(:describe_groups, groups: [group]).first
        active(session, found) if found[:members].any?
      end

      def active(session, description)
        group = Group.new(**description)
        Errors::ActiveGroupError.for(group, SessionTimeout.of(session, group))
      end

      def routed(active_only)
        wanted = App.consumer_groups.to_h do |group|
          topics = group.topics.reject(&:pattern?)
          topics = topics.select(&:active?) if active_only
          [group.id, topics.map(&:subscription_name)]
        end
        wanted.reject { |_, topics| topics.empty? }
      end
    end
  end
end

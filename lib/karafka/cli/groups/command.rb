# frozen_string_literal: true

module Karafka
  module Cli
    module Groups
      # `karafka groups …`
      class Command
        include OnCluster

        # @return [Integer] exit status
        def list
          groups = admin.consumer_groups.list.sort_by(&:id)
          return json(groups: groups.map { |group| { group: group.id, state: group.state, type: group.type } }) if json?

          @terminal.table(%w[group state type], groups.map { |group| [group.id, group.state, group.type] })
          OK
        end

        # @param name [String]
        # @return [Integer] exit status
        def describe(name)
          group = admin.consumer_groups.describe(name).first
          offsets = admin.consumer_groups.committed_offsets(name)
          missing!(name) if group.state == :dead && offsets.empty?
          return json(description(group, offsets)) if json?

          @terminal.say "#{name}: #{group.state}, #{group.type}, assignor #{assignor(group)}, coordinator #{coordinator(group)}"
          @terminal.say(*(group.members.empty? ? ["no members"] : group.members.map { |member| "  #{member}" }))
          show(offsets) unless offsets.empty?
          OK
        end

        # Moves a group.
        # @param name [String]
        # @param option [String] what the place is called on the command line
        # @return [Integer] exit status
        # @raise [Errors::CommandError]
        def seek(name, option: "--to")
          target = Position.parse(@options[:to], option)
          before = committed(name)
          moved = admin.seek_consumer_group(name, places(name, target), wait: @options[:wait] || 0, dry_run: dry_run?)
          rows = moved.flat_map do |topic, partitions|
            partitions.sort.map do |number, offset|
              [topic, number, before.dig(topic, number), offset]
            end
          end
          return json(moved: rows.map { |row| %i[topic partition from to].zip(row).to_h }, dry_run: dry_run?) if json?

          @terminal.table(%w[topic partition from to], rows)
          @terminal.say dry_run? ? "Nothing was changed (--dry-run)" : "#{Amount.of(rows.size, "partition")} of #{name} moved"
          OK
        end

        # @return [Integer] exit status
        def delete(name)
          effect = "deletes the group #{name} with its offsets"
          return FAILED unless Consent.given?(@terminal, @options, effect, name, otherwise: "Nothing was deleted")

          admin.consumer_groups.delete(name, wait: @options[:wait] || 0)
          return json(deleted: name) if json?

          @terminal.say "#{name} deleted"
          OK
        end

        # @return [Integer] exit status
        def copy(from, to) = transfer(:copy, from, to, "copied")

        # @return [Integer] exit status
        def rename(from, to) = transfer(:rename, from, to, "renamed")

        private

        def dry_run? = @options[:dry_run] || false

        def show(offsets)
          rows = offsets.map { |offset| [offset.topic, offset.partition, offset.offset] }
          @terminal.say ""
          @terminal.table(%w[topic partition committed], rows.sort)
        end

        # Kafka describes a group that it does not know as one that is dead.
        def missing!(name)
          raise Errors::CommandError, "there is no group #{name}: nobody has joined it, and nothing is committed in its name. " \
                                      "`karafka groups list` shows those that exist"
        end

        def assignor(group) = group.assignor.to_s.empty? ? "none" : group.assignor

        def coordinator(group)
          place = group.coordinator
          place.is_a?(Hash) ? place.values_at(:host, :port).join(":") : place
        end

        def description(group, offsets)
          members = group.members.map do |member|
            { id: member.id, client_id: member.client_id, instance_id: member.instance_id, host: member.host,
              assignment: member.assignment }
          end
          { group: group.id, state: group.state, type: group.type, assignor: group.assignor, members: members,
            offsets: offsets.map { |offset| { topic: offset.topic, partition: offset.partition, offset: offset.offset } } }
        end

        # @return [Hash{String=>Hash{Integer=>Integer}}]
        def committed(name)
          admin.consumer_groups.committed_offsets(name).each_with_object({}) do |row, found|
            (found[row.topic] ||= {})[row.partition] = row.offset
          end
        end

        def topics(name)
          given = Array(@options[:topic])
          return given unless given.empty?

          found = committed(name).keys
          return found unless found.empty?

          raise Errors::CommandError, "group #{name} has committed nothing: say which topics are meant with --topic NAME"
        end

        def places(name, target)
          partitions = Array(@options[:partition]).map { |number| Integer(number, 10) }
          topics(name).to_h { |topic| [topic, partitions.empty? ? target : partitions.to_h { |number| [number, target] }] }
        rescue ArgumentError
          raise Errors::CommandError, "--partition is #{@options[:partition].join(" ")}, but must be numbers"
        end

        def transfer(action, from, to, done)
          topics = topics(from)
          unless admin.consumer_groups.public_send(action, from, to, topics)
            raise Errors::CommandError, "group #{from} has committed nothing for #{topics.join(", ")}: nothing was #{done}"
          end

          return json(done => { from: from, to: to, topics: topics }) if json?

          @terminal.say "#{from} #{done} to #{to}"
          OK
        end
      end
    end
  end
end

# frozen_string_literal: true

module Karafka
  module Cli
    module Doctor
      # The groups of the routes: what state they are in, and whether their members are of this application.
      class GroupsCheck < Check
        REBALANCING = %i[preparing_rebalance completing_rebalance assigning reconciling].freeze
        # librdkafka's.
        ASSIGNORS = "range,roundrobin"
        private_constant :REBALANCING, :ASSIGNORS

        # @return [void]
        def call
          cluster.described.each_value do |group|
            state(group)
            topics = cluster.routed[group.id] or next
            next unless group.active?

            others(group, topics)
            protocol(group)
            names(group)
          end
        end

        private

        def state(group)
          subject = "group #{group.id}"
          return warning(subject, "it is rebalancing (#{group.state})", REPEATS) if REBALANCING.include?(group.state)

          return note(subject, "nobody has joined it yet, or Kafka has forgotten it") if group.state == :dead

          members = group.members.size
          shared = ", assignor #{group.assignor}" if members.positive?
          note(subject, "#{group.state}, #{Amount.of(members, "member")}#{shared}")
        end

        REPEATS = "run this again in some seconds: where it stays so, members come and go. Look for \"session.timeout.ms\" and for " \
                  "processes that restart"
        private_constant :REPEATS

        def others(group, topics)
          assigned = group.members.flat_map { |member| member.assignment.keys }.uniq
          foreign = assigned.reject { |name| topics.any? { |topic| topic.matches?(name) } }
          return if foreign.empty?

          whose = group.members.select { |member| (member.assignment.keys & foreign).any? }
          warning("group #{group.id}", "members have topics that this application does not route in it: #{list(foreign)} " \
                                       "(#{list(whose.map { |member| "#{member.client_id} at #{member.host}" })})",
                  "another application, or another version of this one, has the same group: give each a `group_id` of its own")
        end

        def protocol(group)
          settings = cluster.clients.select { |client, _| client.consumer_group_id == group.id }.values
          settings.each do |one|
            next if one["group.protocol"].to_s.casecmp?("consumer") || group.type == :consumer || group.assignor.to_s.empty?

            mine = one["partition.assignment.strategy"] || ASSIGNORS
            next if mine.split(",").map(&:strip).include?(group.assignor)

            error("group #{group.id}", "its members share partitions by \"#{group.assignor}\", and \"partition.assignment.strategy\" is " \
                                       "\"#{mine}\" here: this application cannot join",
                  "set the same, or a list that has both; \"cooperative-sticky\" needs all members stopped before")
          end
        end

        def names(group)
          mine = cluster.clients.select { |client, _| client.consumer_group_id == group.id }.map { |_, settings| settings["client.id"] }
          foreign = group.members.map(&:client_id).uniq - mine
          return if foreign.empty?

          note("group #{group.id}", "it has members with other client ids than #{list(mine.uniq)}: #{list(foreign)}")
        end
      end
    end
  end
end

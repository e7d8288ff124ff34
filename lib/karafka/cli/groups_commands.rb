# frozen_string_literal: true

module Karafka
  module Cli
    # Names, options and help texts of `karafka groups …`.
    class GroupsCommands < NestedCommands
      def self.waiting
        option :wait, type: :numeric, banner: "SECONDS", desc: "Wait this long for members that were killed to be gone"
      end

      desc "list", "Print the groups of the cluster"
      long_desc "Example: karafka groups list --json"
      def list = command.list

      desc "describe GROUP", "Print members, assignment and committed offsets of a group"
      long_desc "Example: karafka groups describe shop"
      def describe(name) = command.describe(name)

      desc "lag [GROUP]", "Print how far a group is behind, in messages and in seconds; without GROUP all groups of the routes"
      option :topic, type: :array, banner: "NAME…", desc: "Only these topics"
      option :watch, type: :numeric, banner: "SECONDS", desc: "Print it again and again, with its trend, until Ctrl-C"
      long_desc "The seconds are the age of the oldest message that is not processed. Example: karafka groups lag shop --watch 5"
      def lag(name = nil) = command(Groups::LagReport).call(name)

      desc "seek GROUP", "Move a group without members to offsets or a time"
      option :to, required: true, banner: "PLACE", desc: "earliest, latest, an offset or a time such as -2h"
      option :topic, type: :array, banner: "NAME…", desc: "Only these topics; needed where the group has committed nothing"
      option :partition, type: :array, banner: "NUMBER…", desc: "Only these partitions"
      option :dry_run, type: :boolean, desc: "Only print where the group would be moved to"
      waiting
      long_desc "A group with members is refused, since they would commit over it. Example: karafka groups seek shop --to -2h --dry-run"
      def seek(name) = command.seek(name)

      desc "copy GROUP NEW", "Commit the offsets of a group under another name"
      option :topic, type: :array, banner: "NAME…", desc: "Only these topics"
      long_desc "Example: karafka groups copy shop shop-canary"
      def copy(from, to) = command.copy(from, to)

      desc "rename GROUP NEW", "Commit the offsets of a group under another name, and delete it"
      option :topic, type: :array, banner: "NAME…", desc: "Only these topics"
      long_desc "Example: karafka groups rename shop orders"
      def rename(from, to) = command.rename(from, to)

      desc "delete GROUP", "Delete a group without members, with its offsets"
      asking
      waiting
      long_desc "Asks for the name on a terminal. Example: karafka groups delete shop-canary --yes"
      def delete(name) = command.delete(name)

      no_commands do
        # @return [Groups::Command, Groups::LagReport]
        def command(klass = Groups::Command) = super
      end
    end
  end
end

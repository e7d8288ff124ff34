# frozen_string_literal: true

module Karafka
  module Cli
    # Names, options and help texts of `karafka topics …`.
    class TopicsCommands < NestedCommands
      def self.planning
        option :detailed_exitcode, type: :boolean, desc: "Exit with 2 where there is something to change"
      end

      def self.changing
        planning
        option :dry_run, type: :boolean, desc: "Only print what would be done"
      end

      def self.deleting
        changing
        asking
      end

      desc "plan", "Print what differs from the declared topics, as a diff"
      planning
      long_desc "Changes nothing. Example: karafka topics plan --detailed-exitcode"
      def plan = command.plan

      desc "migrate", "Create missing topics and add missing partitions"
      changing
      long_desc "Settings stay as they are: see align. Example: karafka topics migrate --dry-run"
      def migrate = command.migrate

      desc "align", "Change settings that differ from the declared ones"
      changing
      long_desc "Example: karafka topics align"
      def align = command.align

      desc "create", "Create declared topics that are missing"
      changing
      long_desc "Example: karafka topics create"
      def create = command.create

      desc "repartition", "Add partitions where more are declared"
      changing
      long_desc "Messages that are sent afterwards go to other partitions than earlier ones with the same key. " \
                "Example: karafka topics repartition --dry-run"
      def repartition = command.repartition

      desc "delete", "Delete the declared topics, with their messages"
      deleting
      long_desc "Asks for the name on a terminal. Example: karafka topics delete --dry-run"
      def delete = command.delete

      desc "reset", "Delete the declared topics and create them again"
      deleting
      long_desc "Asks for the name on a terminal. Example: karafka topics reset --yes"
      def reset = command.delete(again: true)

      desc "list", "Print the topics of the cluster"
      long_desc "Example: karafka topics list --json"
      def list = command(Topics::Inspection).list

      desc "describe NAME", "Print partitions, replicas, offsets and settings of a topic"
      long_desc "Example: karafka topics describe orders"
      def describe(name) = command(Topics::Inspection).describe(name)

      desc "health", "Look for partitions without a leader and for topics that one broker's end would stop"
      long_desc "Exit status 1 where something cannot be written now. Example: karafka topics health"
      def health = command(Topics::Inspection).health

      no_commands do
        # @return [Topics::Command, Topics::Inspection]
        def command(klass = Topics::Command)
          # Raises: only an application says what is declared.
          Boot.load_aside! if klass == Topics::Command && !Boot.available?
          super
        end
      end
    end
  end
end

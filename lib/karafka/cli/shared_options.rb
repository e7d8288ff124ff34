# frozen_string_literal: true

module Karafka
  module Cli
    # Options that several commands have, with their texts.
    module SharedOptions
      include TopCommands

      private

      # What the next command consumes.
      def consuming_options
        Routing::Selection::KINDS.each_key do |kind|
          words = kind.to_s.tr("_", " ")
          option kind, type: :array, banner: "NAME…", desc: "Only these #{words}", aliases: (["-g"] if kind == :consumer_groups)
          option :"include_#{kind}", type: :array, banner: "NAME…", desc: "The same as --#{kind.to_s.tr("_", "-")}"
          option :"exclude_#{kind}", type: :array, banner: "NAME…", desc: "All but these #{words}"
        end
        option :pid, aliases: "-p", banner: "FILE", desc: "Write the process id to FILE"
        option :daemon, type: :boolean, aliases: "-d", desc: "Of Karafka 1.x; use systemd, a container or nohup instead"
      end

      # Which messages the next command takes.
      def selecting_options
        option :partition, type: :array, banner: "NUMBER…", desc: "Only these partitions"
        option :key, desc: "Only messages with this key"
        option :header, repeatable: true, banner: "NAME=VALUE", desc: "Only messages with this header; may be given several times"
        option :grep, banner: "REGEXP", desc: "Only messages whose payload matches"
      end

      # What the next command tells a running process.
      def controlling(example, more = "")
        long_desc "Reaches the process of `config.control.socket`, each node of a swarm, or that of --socket.\n#{more}Example: #{example}"
        option :reason, banner: "TEXT", desc: "For the log of the process; skip needs it"
        option :socket, banner: "FILE", desc: "Of another process than the application's"
        option :json, type: :boolean, desc: "For programs"
      end
    end
  end
end

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

      # Of `karafka doctor`.
      def doctor_options
        long_desc <<~TEXT
          Asks from this machine, with the application's settings, and changes nothing. Without an application give --brokers.
          Exit status: 0 nothing to do, 1 nothing found, but not everything could be looked at, 2 something found.
          --migrate: asks no broker, but reads the application of this directory, which may be written for another library, and lists by file
          and line the names that work, that change their meaning, and that need a change. Runs none of its code. Exit status: 0 nothing to do, 1 the
          same, but not everything could be read, 2 something has to be done.
          Examples: karafka doctor; karafka doctor --brokers localhost:9092 --group shop --json; karafka-rs doctor --migrate
        TEXT
        option :migrate, type: :boolean, desc: "Read the application and list what a move to karafka-rs means"
        option :brokers, banner: "HOST:PORT,…", desc: "Of another Kafka than the application's"
        option :group, type: :array, banner: "NAME…", desc: "Also look at these groups"
        option :timeout, type: :numeric, banner: "SECONDS", desc: "For one question to the brokers (10)"
        option :json, type: :boolean, desc: "For programs"
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

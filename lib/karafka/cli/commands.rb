# frozen_string_literal: true

require "thor"

module Karafka
  module Cli
    # Names, options and help texts of the commands; what each does is in a file of its own.
    class Commands < Thor
      def self.exit_on_failure?
        true
      end

      # Thor knows `help server` only, and takes the beginning of a name for the name: a mistyped one must not start a server.
      def self.start(given = ARGV, config = {})
        command, *rest = given
        known = all_commands.keys + map.keys + HELP_MAPPINGS
        Base.find!(command, known)&.then { |own| return own.start(rest) }

        raise UndefinedCommandError.new(command, known.grep(/\A\w{2,}/), nil) unless command.nil? || known.include?(command)

        super((rest & %w[-h --help]).empty? ? given : help_of(command, rest), config)
      end

      # `karafka topics plan --help` is `karafka topics help plan`.
      def self.help_of(command, rest)
        below = subcommand_classes[command]
        below ? [command, "help", *rest.grep(/\A\w/).first(1)] : ["help", command]
      end

      def self.basename
        "karafka"
      end

      extend SharedOptions

      check_unknown_options! except: :worker
      stop_on_unknown_option! :worker
      map %w[-v --version] => :version
      map "s" => :server, "consumer" => :server, "c" => :console, "i" => :info, "r" => :routes, "w" => :worker

      desc "server", "Consume the topics of the routes (short: s)"
      long_desc <<~TEXT
        Loads karafka.rb (or KARAFKA_BOOT_FILE) and consumes until INT, TERM, QUIT or HUP. A second one stops at once.
        TSTP: take no new work, for good; only a stop follows. TTIN: print the backtrace of every thread.
        Exit status: 0 stopped cleanly, 1 an error, 2 work was cut off after shutdown_timeout.
      TEXT
      consuming_options
      def server
        ServerCommand.new(options).call
      end

      desc "swarm", "Consume with several processes that share the application's memory"
      long_desc <<~TEXT
        Loads karafka.rb (or KARAFKA_BOOT_FILE) once and forks `config.swarm.nodes` processes, each of which consumes as
        `karafka server` does. A node that ends, hangs or has too much memory is started again.
        INT, TERM, QUIT, HUP: stop all nodes. A second one stops at once. USR2: restart one node after the other.
        TSTP: no node takes new work, for good. TTIN: print the backtrace of every thread of every node.
        Exit status: 0 stopped cleanly, 1 an error, 2 a node had to be ended by force.
        Example: karafka swarm --nodes 4 --exclude-topics reports
      TEXT
      consuming_options
      option :nodes, type: :numeric, aliases: "-n", banner: "N", desc: "Instead of config.swarm.nodes"
      def swarm
        SwarmCommand.new(options).call
      end

      desc "info", "Print versions, files and settings (short: i)"
      option :json, type: :boolean, desc: "For programs"
      def info
        InfoCommand.new(json: options[:json]).call
      end

      desc "routes", "Print consumer groups, topics and their settings (short: r)"
      option :json, type: :boolean, desc: "For programs"
      def routes
        RoutesCommand.new(json: options[:json]).call
      end

      desc "flow", "Print which topics lead to which"
      long_desc <<~TEXT
        For every consumed topic: the topics that its responder or its route declares. Loads the application,
        asks no broker.
        Formats: text, json, dot (Graphviz), mermaid (Markdown), asyncapi (YAML; JSON where the file's name ends with .json).
      TEXT
      option :format, aliases: "-f", enum: Flow::FORMATS.keys, default: "text", banner: "FORMAT", desc: "Of the output"
      option :json, type: :boolean, desc: "The same as --format json"
      option :output, aliases: "-o", banner: "FILE", desc: "Write to FILE"
      def flow
        FlowCommand.new(options).call
      end

      desc "produce TOPIC [FILE…]", "Send one message for each line of files or of standard input"
      long_desc <<~TEXT
        A line is a payload; with --format json it is an object with payload, key, headers, partition and timestamp (ms), as
        `karafka consume --format json` prints it. Uses the application's Kafka, or --brokers.
        Examples: karafka produce orders rows.jsonl --key 42; echo '{"id":1}' | karafka produce orders
      TEXT
      option :brokers, banner: "HOST:PORT,…", desc: "Of another Kafka than the application's"
      option :format, enum: %w[line json], default: "line", desc: "Of the input"
      option :key, desc: "Of each message"
      option :header, repeatable: true, banner: "NAME=VALUE", desc: "Of each message; may be given several times"
      option :partition, type: :numeric, desc: "Of each message"
      option :rate, type: :numeric, banner: "MESSAGES", desc: "At most this many a second"
      option :compression, enum: %w[none gzip snappy lz4 zstd], desc: "Of batches"
      option :acks, enum: %w[all 1 0], desc: "Whom to wait for"
      def produce(topic, *files)
        ProduceCommand.new(topic, files, options).call
      end

      desc "consume TOPIC", "Print the messages of a topic, without a group"
      long_desc <<~TEXT
        Joins no group and commits nothing. Ends at what is the end when it starts, unless --follow is given.
        --from: earliest, latest, an offset, -100 for the last 100 messages, or a time such as -2h or 2026-11-29T10:00Z.
        --format: json, or fields: %t topic, %p partition, %o offset, %T timestamp (ms), %h headers, %k key, %s payload.
        Examples: karafka consume orders --from -2h --grep refund; karafka consume orders --follow --from latest --format '%p %o %k %s'
      TEXT
      option :brokers, banner: "HOST:PORT,…", desc: "Of another Kafka than the application's"
      option :from, default: "earliest", desc: "Where to begin"
      option :to, desc: "Where to end: latest, an offset or a time"
      option :follow, type: :boolean, aliases: "-f", desc: "Go on at the end"
      option :limit, type: :numeric, aliases: "-n", desc: "At most this many messages"
      selecting_options
      option :format, desc: "json, or a text with fields"
      option :headers, type: :boolean, desc: "Print headers before the payload"
      option :deserialize, type: :boolean, desc: "Print what the route's deserializer makes of the payload, as JSON"
      def consume(topic)
        ConsumeCommand.new(topic, options).call
      end

      desc "replay [TOPIC [TARGET]]", "Copy a range of a topic, send dead letters back, or move a group back"
      long_desc <<~TEXT
        TOPIC TARGET: copies messages of TOPIC, with key, headers and time, to the same partitions of TARGET.
        --dead-letters TOPIC: sends dead letters back to the topics and partitions they came from; attempts begin anew.
        [TOPIC] --group GROUP --from PLACE: the same as `karafka groups seek GROUP --to PLACE`.
        Progress is committed in the group karafka-replay-NAME: the same command goes on where it was ended. A PLACE is earliest, latest,
        an offset or a time such as -2h.
        Examples: karafka replay orders orders-test --from -2h --rate 500; karafka replay --dead-letters orders.dead --dry-run
      TEXT
      option :brokers, banner: "HOST:PORT,…", desc: "Of another Kafka than the application's"
      option :from, banner: "PLACE", desc: "Where to begin (earliest)"
      option :to, banner: "PLACE", desc: "Where to end (latest: the end as it is now)"
      selecting_options
      option :by_key, type: :boolean, desc: "Let the key choose the partition, instead of that of the source"
      option :rate, type: :numeric, banner: "MESSAGES", desc: "At most this many a second"
      option :dry_run, type: :boolean, desc: "Only count what would be sent, or print where the group would be moved to"
      option :name, desc: "Of the replay; by default made of the topics and options"
      option :again, type: :boolean, desc: "Forget the progress, and begin anew"
      option :dead_letters, banner: "TOPIC", desc: "Send the dead letters of this topic back"
      option :max_returns, type: :numeric, banner: "N", desc: "Leave letters that were sent back N times (3)"
      option :group, desc: "Move this group, which must have no members"
      option :wait, type: :numeric, banner: "SECONDS", desc: "Wait this long for members that were killed to be gone"
      option :yes, type: :boolean, aliases: "-y", desc: "Do not ask; needed in production without a terminal"
      option :json, type: :boolean, desc: "For programs"
      def replay(*topics)
        ReplayCommand.new(topics, options).call
      end

      desc "topics COMMAND", "Plan and apply declared topics; list, describe and check topics"
      subcommand "topics", TopicsCommands

      desc "groups COMMAND", "List, describe, move, copy and delete consumer groups; print their lag"
      subcommand "groups", GroupsCommands

      desc "pause TOPIC[/N]", "Begin no more batches of a topic, or of partition N, in running processes"
      controlling "karafka pause orders/3 --reason 'the payment service is down'"
      option :group, banner: "NAME", desc: "Only in this consumer group"
      def pause(place) = ControlCommand.new(options).change("pause", place)

      desc "resume TOPIC[/N]", "End such a pause"
      controlling "karafka resume orders"
      option :group, banner: "NAME", desc: "Only in this consumer group"
      def resume(place) = ControlCommand.new(options).change("resume", place)

      desc "skip TOPIC/N@OFFSET", "Leave out one message of partition N that a running process cannot get through"
      controlling "karafka skip orders/3@4711 --reason 'no such currency, see INC-12'", <<~TEXT
        It goes to the dead letter queue of its topic, with the reason in a header, or is skipped where there is none.
        Only a message that its consumer has, or gets next, can be skipped. What waits for another attempt is tried at once.
      TEXT
      option :group, banner: "NAME", desc: "The consumer group, where several of the process have the partition"
      def skip(place) = ControlCommand.new(options).skip(place)

      desc "workers N", "Change the number of worker threads of running processes"
      controlling "karafka workers 20", "Surplus workers end after their batch. At the next start it is `config.concurrency` again.\n"
      def workers(count) = ControlCommand.new(options).workers(count)

      top_commands

      desc "doctor", "Check brokers, settings, topics, rights and groups, and say what to do"
      doctor_options
      def doctor
        return MigrateCommand.new(options).call if options[:migrate]

        Target.kafka(options[:brokers])
        DoctorCommand.new(options).call
      end

      desc "install", "Create karafka.rb and a first consumer in this directory"
      option :racecar, type: :boolean, desc: "Only the commands racecar and racecarctl, for code that was written for that gem"
      option :phobos, type: :boolean, desc: "Only the command phobos, for code that was written for that gem"
      def install
        InstallCommand.new(adapters: %i[racecar phobos].select { |name| options[name] }).call
      end

      desc "console", "Start a Ruby console with the application loaded (short: c)"
      def console
        ConsoleCommand.new.call
      end

      desc "broker", "Start an in-memory Kafka for development"
      option :topics, type: :array, default: [], banner: "NAME:PARTITIONS,…", desc: "Topics to create, such as orders:4,events:1"
      option :brokers, type: :numeric, default: 1, desc: "Number of brokers"
      option :address_file, banner: "FILE", desc: "Write the address to FILE once it is up"
      def broker
        BrokerCommand.new(options).call
      end

      desc "completion SHELL", "Print a script that completes commands and options (#{CompletionCommand::SHELLS.join(", ")})"
      long_desc <<~TEXT
        For bash: source <(karafka completion bash)
        For zsh: source <(karafka completion zsh)
        For fish: karafka completion fish | source
      TEXT
      def completion(shell)
        CompletionCommand.new(shell).call
      end

      desc "worker [ARGUMENTS]", "Start Sidekiq for `backend :sidekiq` (short: w)"
      def worker(*arguments) = WorkerCommand.new(arguments).call

      desc "version", "Print the version (also: -v)"
      def version = say("karafka-rs #{VERSION}")
    end
  end
end

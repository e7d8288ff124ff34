# frozen_string_literal: true

module Karafka
  module Cli
    # Names, options and help texts of the commands; what each does is in a file of its own.
    class Commands < Thor
      def self.exit_on_failure?
        true
      end

      # Thor knows `help server` only.
      def self.start(given = ARGV, config = {})
        command, *rest = given
        super((rest & %w[-h --help]).empty? ? given : ["help", command], config)
      end

      def self.basename
        "karafka"
      end

      check_unknown_options!
      map %w[-v --version] => :version
      map "s" => :server, "consumer" => :server, "c" => :console, "i" => :info

      desc "server", "Consume the topics of the routes (short: s)"
      long_desc <<~TEXT
        Loads karafka.rb (or KARAFKA_BOOT_FILE) and consumes until INT, TERM or QUIT. A second one stops at once.
        TSTP: take no new work. TTIN: print what every thread does.
        Exit status: 0 stopped cleanly, 1 an error, 2 work was cut off after shutdown_timeout.
      TEXT
      Routing::Selection::KINDS.each_key do |kind|
        option kind, type: :array, banner: "NAME…", desc: "Only these #{kind.to_s.tr("_", " ")}",
                     aliases: (["-g"] if kind == :consumer_groups)
        option :"include_#{kind}", type: :array, banner: "NAME…", desc: "The same as --#{kind.to_s.tr("_", "-")}"
        option :"exclude_#{kind}", type: :array, banner: "NAME…", desc: "All but these #{kind.to_s.tr("_", " ")}"
      end
      option :pid, aliases: "-p", banner: "FILE", desc: "Write the process id to FILE"
      option :daemon, type: :boolean, aliases: "-d", desc: "Of Karafka 1.x; use systemd, a container or nohup instead"
      def server
        ServerCommand.new(options).call
      end

      desc "info", "Print versions, files and settings (short: i)"
      def info
        InfoCommand.new.call
      end

      desc "routes", "Print consumer groups, topics and their settings"
      def routes
        RoutesCommand.new.call
      end

      desc "flow", "Print which topics lead to which"
      long_desc <<~TEXT
        For every topic that is consumed, where its responder or its route says that messages go to. Loads the application,
        asks no broker.
        Formats: text, json, dot (Graphviz), mermaid (Markdown), asyncapi (YAML; JSON where the file's name ends with .json).
      TEXT
      option :format, aliases: "-f", enum: Flow::FORMATS.keys, default: "text", banner: "FORMAT", desc: "Of the output"
      option :output, aliases: "-o", banner: "FILE", desc: "Write to FILE"
      def flow
        FlowCommand.new(options).call
      end

      desc "install", "Create karafka.rb and a first consumer in this directory"
      def install
        InstallCommand.new.call
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

      desc "version", "Print the version (also: -v)"
      def version
        say "karafka-rs #{VERSION}"
      end

      NotYet::COMMANDS.each do |name, what|
        desc name, "(not there yet) #{what}"
        define_method(name) { |*| raise NotYet.error(:command, name) }
      end
    end
  end
end

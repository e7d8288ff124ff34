# frozen_string_literal: true

require "optparse"

module Racecar
  # The command `racecar ClassName`: loads the application and runs that consumer. Each setting is an option as well:
  # `--pause-timeout 5`, `--[no-]daemonize`.
  class Cli
    MISTAKES = [KingKonf::ConfigError, Karafka::Errors::BaseError, OptionParser::ParseError, ConsumerError, NotImplementedError,
                LoadError].freeze
    private_constant :MISTAKES

    # @param args [Array<String>]
    # @return [void] ends the process
    def self.main(args)
      exit new(args).run
    rescue *MISTAKES => e
      $stderr.print("racecar: #{e.message}\n")
      exit 1
    end

    # @param args [Array<String>]
    # @raise [OptionParser::ParseError]
    def initialize(args)
      @requires = []
      @given = {}
      @consumer_name, *more = parser.parse(args)
      raise ConsumerError, "one consumer class at a time, not #{more.join(", ")} besides #{@consumer_name}" if more.any?
    end

    # @return [Integer] exit status
    # @raise [KingKonf::ConfigError, ConsumerError]
    def run
      return print_help if @help
      return print_version if @version
      raise ConsumerError, "no consumer specified: racecar ClassName [options]; racecar --help lists them" if @consumer_name.nil?

      load_application
      @given.each { |name, value| config.set(name, value) }
      config.load_consumer_class(consumer_class)
      config.validate!
      use_datadog if config.datadog_enabled
      config.logger.info("Racecar runs #{consumer_class} in the group #{config.group_id} on karafka-rs #{Karafka::VERSION}")
      config.daemonize ? daemonize { start } : start
    end

    private

    def config = Racecar.config

    def start
      Racecar.run(consumer_class.new)
    end

    def consumer_class
      @consumer_class ||= Object.const_get(@consumer_name).tap do |found|
        next if found.is_a?(Class) && found <= Consumer

        raise ConsumerError, "#{@consumer_name} is not a Racecar::Consumer"
      end
    rescue NameError => e
      raise unless e.message.include?(@consumer_name.split("::").last)

      raise ConsumerError, "consumer class #{@consumer_name} was not found (#{e.message.lines.first.strip}); load its file with " \
                           "--require FILE"
    end

    def load_application
      $LOAD_PATH.unshift(Dir.pwd) unless $LOAD_PATH.include?(Dir.pwd)
      load_rails unless without_rails?
      @requires.each { |library| require library }
    end

    # Read before the configuration: its files may need Rails.
    def without_rails?
      @given.fetch(:without_rails) { Settings.check(:without_rails, ENV.fetch("RACECAR_WITHOUT_RAILS", "false")) }
    end

    def load_rails
      return unless Karafka::Cli::Boot.rails?

      # karafka.rb is for `karafka server`.
      Karafka::Cli::Boot.load_rails
    end

    def use_datadog
      Datadog.configure do |datadog|
        %i[host port socket_path namespace tags].each do |name|
          value = config.get(:"datadog_#{name}")
          datadog.public_send(:"#{name}=", value) unless value.nil?
        end
      end
    end

    def daemonize
      daemon = Daemon.new(File.expand_path(config.pidfile))
      logfile = config.logfile && File.expand_path(config.logfile)
      daemon.check_pid
      daemon.daemonize!
      daemon.redirect_output(logfile)
      daemon.write_pid
      yield
    end

    def parser
      @parser ||= OptionParser.new do |opts|
        opts.banner = "Usage: racecar ClassName [options]"
        opts.on("-r", "--require STRING", "Load a library or a file before the consumer") { |library| @requires << library }
        opts.on("-l", "--log STRING", "Write the log to this file") { |path| @given[:logfile] = path }
        Settings::ALL.each { |name, (type, default)| option(opts, name, type, default) }
        opts.on_tail("-v", "--version", "Show the versions") { @version = true }
        opts.on_tail("-h", "--help", "Show this text") { @help = true }
      end
    end

    def option(opts, name, type, default)
      flag = name.to_s.tr("_", "-")
      words = type == :boolean ? "--[no-]#{flag}" : "--#{flag} VALUE"
      opts.on(words, "#{type}#{" (#{Array(default).join(",")})" unless default.nil?}") { |value| @given[name] = value }
    end

    def print_help
      puts parser
      0
    end

    def print_version
      puts "Racecar #{VERSION} (karafka-rs #{Karafka::VERSION})"
      0
    end
  end
end

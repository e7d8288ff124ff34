# frozen_string_literal: true

require "optparse"

module Racecar
  # The command `racecarctl`: status and stop of a process in the background, a message to send, the liveness probe.
  class Ctl
    # What went wrong, for people.
    class Error < StandardError; end

    COMMANDS = %w[status stop produce liveness_probe version help].freeze
    # How long `stop` waits for the end, seconds.
    STOP_SECONDS = 60
    private_constant :COMMANDS, :STOP_SECONDS

    # @param args [Array<String>]
    # @return [void] ends the process
    def self.main(args)
      exit new.call(args)
    rescue Error, OptionParser::ParseError, KingKonf::ConfigError, MessageDeliveryError, Karafka::Errors::BaseError => e
      $stderr.print("racecarctl: #{e.message}\n")
      exit 1
    end

    # @param args [Array<String>]
    # @return [Integer] exit status
    def call(args)
      command, *rest = args
      command = "help" if command.nil? || %w[-h --help].include?(command)
      raise Error, "no command #{command}; there are #{COMMANDS.join(", ")}" unless COMMANDS.include?(command)

      public_send(command, rest)
    end

    # @return [Integer] 0 where the process of the pidfile runs
    def status(args)
      daemon = of_pidfile(args)
      puts daemon.running? ? "running (PID = #{daemon.pid})" : daemon.pid_status
      daemon.running? ? 0 : 1
    end

    # Tells it to stop, and waits until it has.
    # @return [Integer]
    def stop(args)
      daemon = of_pidfile(args)
      raise Error, "Racecar is not running" unless daemon.running?

      pid = daemon.pid
      daemon.stop!
      deadline = Karafka::Clock.now + STOP_SECONDS
      while Daemon.alive?(pid)
        raise Error, "process #{pid} has not ended within #{STOP_SECONDS} s: it waits for its batch" if Karafka::Clock.now > deadline

        sleep 0.1
      end
      puts "stopped"
      0
    end

    # @return [Integer]
    def produce(args)
      message = { value: nil, key: nil, topic: nil }
      options("produce") do |opts|
        opts.on("-v", "--value VALUE", "What to send") { |value| message[:value] = value }
        opts.on("-k", "--key KEY") { |key| message[:key] = key }
        opts.on("-t", "--topic TOPIC") { |topic| message[:topic] = topic }
      end.parse(args)
      missing = %i[topic value].select { |name| message[name].nil? }
      raise Error, "produce needs #{missing.map { |name| "--#{name}" }.join(" and ")}" if missing.any?

      Racecar.produce_sync(**message)
      puts "Delivered message to Kafka cluster"
      0
    ensure
      Racecar.producer.close if message && message[:topic] && message[:value]
    end

    # @return [Integer] 0 where the consumer has shown a sign of life in time
    def liveness_probe(_args = [])
      skip = Settings.check(:liveness_probe_skip_config_files, ENV.fetch("RACECAR_LIVENESS_PROBE_SKIP_CONFIG_FILES", "false"))
      Racecar.config = Config.new if skip
      config = Racecar.config
      raise Error, "liveness_probe_enabled is false" unless config.liveness_probe_enabled
      raise Error, "liveness_probe_file_path is not set" if config.liveness_probe_file_path.nil?

      probe = config.liveness_probe
      return 0 if probe.alive?

      raise Error, probe.verdict
    end

    # @return [Integer]
    def version(_args = [])
      puts "Racecar #{VERSION} (karafka-rs #{Karafka::VERSION})"
      0
    end

    # @return [Integer]
    def help(_args = [])
      puts "Usage: racecarctl COMMAND", "", "  status --pidfile FILE", "  stop --pidfile FILE",
           "  produce --topic TOPIC --value VALUE [--key KEY]", "  liveness_probe", "  version"
      0
    end

    private

    def options(command, &)
      OptionParser.new("Usage: racecarctl #{command} [options]", &)
    end

    def of_pidfile(args)
      path = nil
      options("status|stop") { |opts| opts.on("--pidfile FILE") { |file| path = file } }.parse(args)
      raise Error, "name the file with the process's id: --pidfile FILE" if path.nil?

      Daemon.new(File.expand_path(path))
    end
  end
end

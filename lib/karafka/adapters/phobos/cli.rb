# frozen_string_literal: true

require "fileutils"
require "thor"

module Phobos
  # The command `phobos`.
  module CLI
    SIGNALS = %w[INT TERM QUIT].freeze
    TEMPLATES = File.expand_path("../../cli/templates", __dir__)
    private_constant :SIGNALS, :TEMPLATES

    # @param args [Array<String>]
    # @return [void] ends the process
    def self.main(args)
      Commands.start(args, debug: true)
    rescue Error, Karafka::Errors::BaseError, Thor::Error, LoadError, SystemCallError => e
      $stderr.print("phobos: #{e.message}\n")
      exit 1
    end

    # `phobos init`, `phobos start`.
    class Commands < Thor
      def self.exit_on_failure? = true

      desc "init", "Create config/phobos.yml and phobos_boot.rb in this directory"
      def init
        { "config/phobos.yml" => "phobos.yml", "phobos_boot.rb" => "phobos_boot.rb" }.each do |path, template|
          next puts("    exists  #{path}") if File.exist?(path)

          FileUtils.mkdir_p(File.dirname(path))
          FileUtils.cp(File.join(TEMPLATES, "#{template}.tt"), path)
          puts "    create  #{path}"
        end
      end

      desc "start", "Run all listeners of the configuration"
      option :config, aliases: "-c", default: "config/phobos.yml", banner: "FILE"
      option :boot, aliases: "-b", default: "phobos_boot.rb", banner: "FILE"
      option :listeners, aliases: "-l", banner: "FILE", desc: "With more listeners"
      option :skip_config, type: :boolean, default: false, desc: "The boot file calls Phobos.configure"
      def start
        Start.new(**options.transform_keys(&:to_sym)).call
      end

      desc "version", "Show the versions"
      def version
        puts "Phobos #{VERSION} (karafka-rs #{Karafka::VERSION})"
      end
    end

    # `phobos start`
    class Start
      def initialize(config:, boot:, listeners: nil, skip_config: false)
        @config = config
        @boot = File.expand_path(boot)
        @listeners = listeners
        @skip_config = skip_config
      end

      # Until a signal comes.
      # @return [void]
      # @raise [Error]
      def call
        load(@boot) if File.exist?(@boot)
        Phobos.configure(@config) unless @skip_config
        Phobos.add_listeners(@listeners) if @listeners
        executor = Executor.new
        raise ConfigurationError, "no listeners are configured in #{@config}" if executor.listeners.empty?

        wait_for_signal { executor.start }
        executor.stop
      end

      private

      def wait_for_signal
        reader, writer = IO.pipe
        before = SIGNALS.to_h { |name| [name, trap(name) { writer.write_nonblock(".") }] }
        yield
        reader.getc
      ensure
        before&.each { |name, handler| trap(name, handler || "DEFAULT") }
        [reader, writer].each { |io| io&.close }
      end
    end
  end
end

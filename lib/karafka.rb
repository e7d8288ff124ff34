# frozen_string_literal: true

require "json"
require "logger"
require "pathname"
require "zeitwerk"

require_relative "karafka/version"
require_relative "karafka/base/errors"
require_relative "karafka/compat/conflicts"

Karafka::Conflicts.check!

# Kafka applications in Ruby on an engine written in Rust. Loading it starts no thread and opens no connection.
module Karafka
  LOADER = Zeitwerk::Loader.new
  LOADER.tag = "karafka"
  # Rooms whose files define constants of Karafka itself: the folder says what a file belongs to, the constant keeps its name.
  ROOMS = %w[base kafka runtime failures/outcomes compat/names].freeze
  ["", *ROOMS].each { |room| LOADER.push_dir(File.join(__dir__, "karafka", room), namespace: self) }
  LOADER.inflector.inflect("version" => "VERSION", "unset" => "UNSET")
  # Loaded by hand or on demand: they define other names than their paths say.
  LOADER.ignore(
    *%w[
      version base/errors compat/conflicts compat/rdkafka compat/sidekiq_backend/base_worker oauth/oidc
    ].map { |file| File.join(__dir__, "karafka", "#{file}.rb") },
    *%w[active_job active_job.rb adapters heroku.rb testing testing.rb].map { |path| File.join(__dir__, "karafka", path) },
    *Dir[File.join(__dir__, "karafka", "compat", "{delivery_boy,phobos,racecar,ruby-kafka,worker-glass}.rb")],
    File.join(__dir__, "karafka", "runtime", "on_rails", "railtie.rb")
  )
  # Left to whoever asks for them: commands, what operators do, listeners of other services, and the extension.
  ON_DEMAND = %w[admin cli declaratives flow instrumentation/vendors kafka/native.rb].freeze
  LOADER.do_not_eager_load(*ON_DEMAND.map { |path| File.join(__dir__, "karafka", path) })
  LOADER.setup
  TESTING = "Karafka::Testing is loaded by `require \"karafka/testing/rspec/helpers\"` or `require " \
            "\"karafka/testing/minitest/helpers\"`"
  private_constant :LOADER, :ROOMS, :ON_DEMAND, :TESTING

  class << self
    # @return [Env] name of the environment
    def env
      @env ||= Env.new
    end

    # @param name [#to_s]
    # @return [void]
    def env=(name)
      @env = Env.new(name)
    end

    # @return [Logger] what `config.logger` says
    def logger
      App.config.logger
    end

    # @return [Instrumentation::Monitor] what `config.monitor` says
    def monitor
      App.config.monitor
    end

    # @return [WaterDrop::Producer, nil] the producer of the application, built on first use; nil before `App.setup`
    def producer
      App.config.producer
    end

    # Messages of topics, for scripts: read without a group, so nothing is committed and no consumer is disturbed.
    # @param topics [String, Symbol, Array<String, Symbol>]
    # @param options [Hash{Symbol=>Object}] as {Admin::Iterator#initialize}
    # @yieldparam message [Messages::Message]
    # @return [Enumerator::Lazy, nil] without a block: reads as it is asked
    # @raise [Errors::KafkaError] `code` is :unknown_topic_or_part, …
    def each_message(topics, **options, &block)
      iterator = Admin::Iterator.new(topics, **options)
      return iterator.lazy unless block

      iterator.each(&block)
      nil
    end

    # A span for one message, where `config.tracing` is on; a batch has one anyway. It continues the trace of the message's sender.
    # @param message [Messages::Message] that the block processes, in this thread
    # @return [Object] what the block gives
    # @example
    #   messages.each { |message| Karafka.trace(message) { bill(message.payload) } }
    def trace(message, &)
      Instrumentation::Tracing.message(message, &)
    end

    # Directory of the application: KARAFKA_ROOT_DIR, else where its Gemfile is, else where the process was started.
    # @return [Pathname]
    def root
      Pathname.new(ENV["KARAFKA_ROOT_DIR"] || (ENV.fetch("BUNDLE_GEMFILE",
                                                         nil) && File.dirname(ENV.fetch("BUNDLE_GEMFILE", nil))) || Dir.pwd)
    end

    # @return [Pathname] directory of this gem
    def gem_root
      Pathname.new(File.expand_path("..", __dir__))
    end

    # @return [Pathname] file that sets the application up: KARAFKA_BOOT_FILE, else karafka.rb in the current directory,
    #   in {root}, or where the Rails application is
    def boot_file
      given = ENV["KARAFKA_BOOT_FILE"].to_s
      return Pathname.new(File.expand_path(given)) unless given.empty?

      rails_root = ::Rails.root if defined?(::Rails.root)
      files = [Pathname.new(Dir.pwd), root, rails_root].compact.map { |dir| dir.join("karafka.rb") }
      files.find(&:exist?) || files.first
    end

    # @return [Pathname] directory of this gem's code
    def core_root
      gem_root.join("lib", "karafka")
    end

    # @return [false] there is nothing to pay for, and no licence
    def pro?
      false
    end

    # @return [Boolean] whether Rails is loaded
    def rails?
      !defined?(::Rails::Railtie).nil?
    end

    # @return [String] version of this gem
    def version
      VERSION
    end

    # Loads what was left to its first use, as Rails does at its start: a Timeout or Thread#kill in the middle of loading may leave half
    # of a constant. `App.setup` calls it, and in `karafka server` the start, while the engine joins its groups.
    # @return [void]
    def eager_load!
      LOADER.eager_load
    end

    # Forgets the environment's name, so that the next use asks for it again.
    # @return [void]
    def refresh!
      @env = nil
    end

    private

    # Names of Karafka's that mean nothing here say so.
    def const_missing(name)
      raise NameError.new(TESTING, name, receiver: self) if name == :Testing
      raise NotYet.constant(name) if NotYet::CONSTANTS.key?(name)

      super
    end
  end
end

require_relative "karafka/compat/rdkafka"
# Loads Sidekiq, which nothing else needs.
Karafka.autoload :BaseWorker, File.join(__dir__, "karafka", "compat", "sidekiq_backend", "base_worker.rb")
Karafka.autoload :ActiveJob, File.join(__dir__, "karafka", "active_job.rb")
# By path: `waterdrop` could also be found in a gem of that name.
File.expand_path("waterdrop.rb", __dir__).then { |path| Object.autoload(:WaterDrop, path) if File.exist?(path) }
# From a breakpoint, or once there is a Ractor, Ruby 3.1 cannot load constants that have others below them: so these are loaded now.
%w[
  Admin Admin::Configs Admin::Replication Cli Compat::SidekiqBackend Core Diagnosis Engine Flow Instrumentation::Statsd
  Instrumentation::Vendors Instrumentation::Vendors::OpenTelemetry Serializers Server Setup Swarm Workers
].each { |name| Karafka.const_get(name) }
Karafka::OnRails::Jobs.follow if defined?(ActiveSupport)
# In a Rails application this file is loaded after Rails.
require_relative "karafka/runtime/on_rails/railtie" if defined?(Rails::Railtie)

# frozen_string_literal: true

require "fileutils"
require "rbconfig"
require "tmpdir"
require "support/server_process"

# A small Rails application in a directory of its own, and `karafka server` on it.
class RailsApp
  # @return [String, nil] why there is none on this machine
  def self.missing
    absent = %w[railties activerecord sqlite3].reject { |name| Gem::Specification.find_all_by_name(name).any? }
    "the gems #{absent.join(", ")} are not installed (bin/setup installs them)" if absent.any?
  end

  attr_reader :dir

  # @param brokers [String]
  # @param setup [String] lines for `setup` in karafka.rb
  # @param routes [String]
  # @param reload [Boolean] as in development
  def initialize(brokers, setup: "", routes: "topic(:orders) { consumer OrdersConsumer }", reload: false)
    @dir = Dir.mktmpdir("karafka-rails")
    @reload = reload
    write("config/application.rb", <<~RUBY)
      require "rails"
      require "active_record/railtie"
      require "karafka"
      class Shop < Rails::Application
        config.root = #{@dir.inspect}
        config.load_defaults 6.1
        config.eager_load = #{!reload}
        config.cache_classes = #{!reload}
        config.logger = Logger.new($stdout)
        config.log_level = :warn
      end
    RUBY
    write("config/environment.rb", "require_relative \"application\"\nRails.application.initialize!\n")
    write("config/database.yml", "test:\n  adapter: sqlite3\n  database: #{@dir}/test.sqlite3\n  pool: 5\n")
    write("app/models/current.rb", "class Current < ActiveSupport::CurrentAttributes\n  attribute :user\nend\n")
    write("app/consumers/application_consumer.rb", <<~RUBY)
      class ApplicationConsumer < Karafka::BaseConsumer
        def tell(*words) = File.write(ENV.fetch("APP_OUTPUT"), "\#{words.join(" ")}\\n", mode: "a")
        def pool = ActiveRecord::Base.connection_pool.active_connection? ? "kept" : "released"
      end
    RUBY
    write("karafka.rb", <<~RUBY)
      Karafka::App.setup do |config|
        config.client_id = "shop"
        config.kafka = { "bootstrap.servers": "#{brokers}", "session.timeout.ms": 6_000, "auto.commit.interval.ms": 100 }
        config.concurrency = 1
        config.pause.timeout = 50
        config.pause.max_timeout = 50
        #{setup}
      end
      Karafka::App.routes.draw do
        #{routes}
      end
    RUBY
  end

  # @param path [String] within the application
  def write(path, text)
    file = File.join(@dir, path)
    FileUtils.mkdir_p(File.dirname(file))
    # At once, as editors do: the server may look at any time.
    File.write("#{file}.new", text)
    File.rename("#{file}.new", file)
  end

  # @return [ServerProcess] not started
  def server(env = {})
    @server = ServerProcess.new(@dir, { "RAILS_ENV" => "test", "RUBYOPT" => "-rrails" }.merge(env))
  end

  def close
    @server&.close
    FileUtils.rm_rf(@dir)
  end
end

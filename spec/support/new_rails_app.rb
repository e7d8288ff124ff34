# frozen_string_literal: true

require "fileutils"
require "tmpdir"
require "support/rails_app"
require "support/terminal"

# What `rails new` makes, with a model and its table: the application that a newcomer has. Only the Gemfile is ours, with the gems that
# Debian has.
class NewRailsApp
  # Flags of both Rails 6.1 and 7.2; each leaves out those that it does not know.
  FLAGS = %w[--minimal --skip-bundle --skip-git --skip-sprockets --skip-asset-pipeline --skip-listen].freeze
  # Without a source: bundler takes what is installed.
  GEMFILE = %w[railties activerecord actionpack sqlite3 puma].map { |name| "gem \"#{name}\"\n" }.join.freeze

  # @return [String, nil] why there is none on this machine
  def self.missing
    RailsApp.missing || ("rails and puma are not installed (bin/setup installs them)" unless system("command -v rails puma > /dev/null"))
  end

  attr_reader :dir, :terminal

  def initialize
    @root = Dir.mktmpdir("karafka-rails-new")
    @dir = File.join(@root, "shop")
    @terminal = Terminal.new(@dir)
    FileUtils.mkdir_p(@dir)
    @terminal.run("rails new . #{FLAGS.join(" ")}")
    write("Gemfile", GEMFILE)
    ["bin/rails generate model Order number:integer", "bin/rails db:migrate"].each { |line| @terminal.run(line) }
  end

  def path(name) = File.join(@dir, name)
  def read(name) = File.read(path(name))

  # At once, as editors do: a server may look at any time.
  def write(name, text)
    FileUtils.mkdir_p(File.dirname(path(name)))
    File.write("#{path(name)}.new", text)
    File.rename("#{path(name)}.new", path(name))
  end

  # @return [Array<Integer>] of the rows that are there, in their order
  def order_numbers = database { |opened| opened.execute("SELECT number FROM orders ORDER BY id").flatten }

  def delete_orders = database { |opened| opened.execute("DELETE FROM orders") }

  def close
    @terminal.close
    FileUtils.rm_rf(@root)
  end

  private

  def database
    require "sqlite3"
    opened = SQLite3::Database.new(Dir[path("{db,storage}/development.sqlite3")].first)
    opened.busy_timeout = 5_000
    yield opened
  ensure
    opened&.close
  end
end

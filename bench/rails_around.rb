# frozen_string_literal: true

# A Rails application around the measured process, with what a new one has that runs work: Active Record and its pool, and Active Job.

require "logger"
require "rails"
require "active_record/railtie"
require "active_job/railtie"
require "tmpdir"

ENV["RAILS_ENV"] = "production"
ENV["SECRET_KEY_BASE"] = "0"
ENV["DATABASE_URL"] = "sqlite3::memory:"
# The measured process sets itself up.
ENV["KARAFKA_BOOT_FILE"] = "false"

# Called with "reload" it watches its code, as in development; with "beside" nobody asks its executor.
def rails_around(kind)
  root = Dir.mktmpdir("karafka-bench-rails")
  at_exit { FileUtils.rm_rf(root) }
  # As many as a small application has. All of them are looked at, to find out whether one has changed.
  FileUtils.mkdir_p(File.join(root, "app/models"))
  300.times { |number| File.write(File.join(root, "app/models/thing#{number}.rb"), "class Thing#{number}\nend\n") }
  application = Class.new(Rails::Application) do
    config.root = root
    config.load_defaults Rails::VERSION::STRING.to_f
    config.eager_load = kind != "reload"
    config.cache_classes = kind != "reload"
    config.logger = Logger.new(nil)
  end
  Object.const_set(:BenchApplication, application)
  application.initialize!
  # A connection, so that there is something to give back.
  ActiveRecord::Base.connection.execute("SELECT 1")
  ActiveRecord::Base.clear_active_connections! if ActiveRecord::Base.respond_to?(:clear_active_connections!)
  Karafka::OnRails::Execution.define_singleton_method(:application) { nil } if kind == "beside"
end

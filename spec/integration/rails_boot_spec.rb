# frozen_string_literal: true

require "open3"
require "rbconfig"
require "spec_helper"
require "support/rails_app"

# Which environment a Rails application is in, and what an error in karafka.rb stops.
RSpec.describe "booting a Rails application" do
  before { skip RailsApp.missing if RailsApp.missing }

  after { app.close }

  let(:lib) { File.expand_path("../../lib", __dir__) }
  let(:app) do
    RailsApp.new("127.0.0.1:9").tap do |app|
      app.write("bin/rails", "APP_PATH = File.expand_path('../config/application', __dir__)\nrequire 'rails/commands'\n")
      app.write("app/consumers/orders_consumer.rb", "class OrdersConsumer < ApplicationConsumer\n  def consume; end\nend\n")
      databases = %w[test development].map { |name| "#{name}:\n  adapter: sqlite3\n  database: #{app.dir}/#{name}.sqlite3\n" }
      app.write("config/database.yml", databases.join)
      app.write("Rakefile", <<~RUBY)
        require_relative "config/application"
        Rails.application.load_tasks
        task(works: :environment) { puts "in \#{Rails.env} and \#{Karafka.env}" }
        task(produces: :environment) { Karafka.producer.produce_sync(topic: "orders", payload: "{}") }
        task(administrates: :environment) { Karafka::Admin.cluster_info }
      RUBY
    end
  end

  # @return [Array(String, Integer)] output and exit status
  def run(env, *command, from: app.dir)
    neutral = %w[RAILS_ENV RACK_ENV KARAFKA_ENV BUNDLE_GEMFILE].to_h { |name| [name, nil] }
    all = { **neutral, "RUBYLIB" => lib, "HOME" => app.dir, "RUBYOPT" => "-rrails", **env }
    output, status = Open3.capture2e(all, *command, chdir: from)
    [output, status.exitstatus]
  end

  def karafka(env, *command) = run(env, RbConfig.ruby, File.expand_path("../../exe/karafka", __dir__), *command)
  def rails(env, *command) = run(env, RbConfig.ruby, "bin/rails", *command)

  environments = "puts \"in \#{Rails.env} and \#{Karafka.env}\""

  it "is in one environment, that of Rails; where KARAFKA_ENV alone is set, a command hands it to Rails" do
    output, status = karafka({ "KARAFKA_ENV" => "test" }, "info")
    expect([output, status]).to match([/^Environment: +test$.*^Rails: +\d.*, environment test$/m, 0])

    output, status = karafka({ "KARAFKA_ENV" => "staging", "RAILS_ENV" => "test" }, "info")
    expect([output, status]).to match([/KARAFKA_ENV is staging, but Rails is in test, and that decides.*^Rails: .*environment test$/m, 0])

    output, = rails({ "RACK_ENV" => "production", "RAILS_ENV" => "test" }, "runner", environments)
    expect(output).to eq("in test and test\n")
  end

  it "finds karafka.rb beside it where the process was started elsewhere and no Gemfile says where it is" do
    output, = run({ "RAILS_ENV" => "test" }, RbConfig.ruby, File.join(app.dir, "bin/rails"), "runner", "puts Karafka::App.config.client_id",
                  from: "/")
    expect(output).to eq("shop\n")
  end

  it "is refused where Rails was told nothing and KARAFKA_ENV names another environment" do
    output, status = rails({ "KARAFKA_ENV" => "production" }, "runner", environments)
    expect([output, status]).to match([/KARAFKA_ENV is production, but Rails is in development.*Set RAILS_ENV=production/, 1])
    expect(output).not_to include("that decides")
    expect(rails({ "KARAFKA_ENV" => "development" }, "runner", environments)).to eq(["in development and development\n", 0])
  end

  it "runs rake tasks though karafka.rb fails, and says where; only what needs Kafka fails, and so does any other process" do
    app.write("karafka.rb", "\nENV.fetch('NO_SUCH_VARIABLE')\n")
    env = { "RAILS_ENV" => "test" }
    warning = /karafka.rb failed, and this command goes on.*KeyError.*karafka\.rb:2/
    expect(run(env, "rake", "works")).to match([/#{warning}.*in test and test/m, 0])
    expect(rails(env, "db:migrate")).to match([/karafka.rb failed, and this command goes on/, 0])
    %w[produces administrates].each do |task|
      expect(run(env, "rake", task)).to match([/Nothing was set up in this process: .*karafka\.rb failed. KeyError/, 1])
    end
    expect(rails(env, "runner", environments)).to match([/KeyError/, 1])
    expect(karafka(env, "server")).to match([%r{\Akarafka: KeyError: .* \(#{app.dir}/karafka\.rb:2}, 1])
  end

  # One cannot look, or make what is missing, in an application that does not start.
  it "opens a console and generates though karafka.rb fails" do
    app.write("karafka.rb", "\nOrderConsumer\n")
    app.write("console.rb", environments)
    env = { "RAILS_ENV" => "test" }
    warning = /karafka.rb failed, and this command goes on.*OrderConsumer.*karafka\.rb:2/
    expect(run(env, "sh", "-c", "#{RbConfig.ruby} bin/rails console < console.rb")).to match([/#{warning}.*in test and test/m, 0])
    expect(rails(env, "generate", "karafka:consumer", "order")).to match([/#{warning}.*create +app.consumers.order_consumer/m, 0])
    FileUtils.rm(File.join(app.dir, "app/consumers/order_consumer.rb"))
    expect(rails(env, "destroy", "karafka:consumer", "order")).to match([/#{warning}.*remove +(?!.*Add it to the routes)/m, 0])
  end

  it "fails where KARAFKA_BOOT_FILE names a file that does not exist" do
    output, status = rails({ "RAILS_ENV" => "test", "KARAFKA_BOOT_FILE" => "nope.rb" }, "runner", environments)
    expect([output, status]).to match([/there is no boot file .*nope\.rb/, 1])
    expect(rails({ "RAILS_ENV" => "test", "KARAFKA_BOOT_FILE" => "false" }, "runner", environments)).to eq(["in test and test\n", 0])
  end
end

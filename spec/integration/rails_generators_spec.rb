# frozen_string_literal: true

require "open3"
require "rbconfig"
require "spec_helper"
require "support/rails_app"

# In a real application, by `bin/rails generate`; what they write is run.
RSpec.describe "the generators of Rails" do
  before { skip RailsApp.missing if RailsApp.missing }

  after { app.close }

  let(:app) do
    RailsApp.new("127.0.0.1:9").tap do |app|
      app.write("bin/rails", "APP_PATH = File.expand_path('../config/application', __dir__)\nrequire 'rails/commands'\n")
      app.write("test/test_helper.rb", "require_relative '../config/environment'\nrequire 'minitest/autorun'\n")
      %w[karafka.rb app/consumers/application_consumer.rb].each { |path| FileUtils.rm(File.join(app.dir, path)) }
    end
  end

  def run(*command)
    neutral = %w[RACK_ENV KARAFKA_ENV BUNDLE_GEMFILE].to_h { |name| [name, nil] }
    env = { **neutral, "RAILS_ENV" => "test", "RUBYLIB" => File.expand_path("../../lib", __dir__), "HOME" => app.dir,
                       "RUBYOPT" => "-rrails" }
    Open3.capture2e(env, "timeout", "60", RbConfig.ruby, *command, chdir: app.dir).first
  end

  def generate(*arguments) = run("bin/rails", "generate", *arguments)
  def read(path) = File.read(File.join(app.dir, path))
  def run_tests = run("-W0", "-Itest", "-e", 'Dir["./test/**/*_test.rb"].each { |file| require file }')

  it "are listed" do
    expect(generate("--help")).to match(/^Karafka:\n  karafka:consumer\n  karafka:install\n  karafka:responder/)
  end

  it "make an application whose tests pass, with a consumer in a namespace and a responder" do
    expect(generate("karafka:install"))
      .to match(%r{create  karafka.rb.*create  bin/karafka.*create  Procfile.dev.*Next: `bin/karafka broker}m)
    expect(File.stat(File.join(app.dir, "bin/karafka"))).to be_executable
    expect(read("Procfile.dev")).to eq("web: bin/rails server\nkarafka: bin/karafka server\n")

    generate("karafka:consumer", "billing/orders_consumer")
    generate("karafka:consumer", "mail", "--topic", "mail.sent")
    generate("karafka:responder", "receipts")
    expect(read("karafka.rb")).to include(<<-RUBY)
  routes.draw do
    topic("mail.sent") { consumer MailConsumer }
    topic(:billing_orders) { consumer Billing::OrdersConsumer }
    topic :example do
    RUBY
    expect(run_tests).to match(/5 runs, 7 assertions, 0 failures, 0 errors/)
  end

  it "take back what they made" do
    generate("karafka:install")
    generate("karafka:consumer", "orders")
    run("bin/rails", "destroy", "karafka:consumer", "orders")
    expect(File).not_to exist(File.join(app.dir, "app/consumers/orders_consumer.rb"))
    expect(read("karafka.rb")).not_to include("OrdersConsumer")
  end

  it "refuse names with which the application could not be loaded any more" do
    generate("karafka:install")
    names = ["1st", "a b", "../evil", "application", "café"]
    answers = names.map { |name| generate("karafka:consumer", name)[/^Nothing was made: (.*)/, 1] }
    expect(answers).to match(
      [
        "no class can be called 1st.", "no class can be called A b.", /\Ano class can be called/,
        "Application is what the others inherit from.",
        "no topic can be called café: it takes 1 to 249 letters, digits, dots, dashes or underscores; give --topic."
      ]
    )
    expect(generate("karafka:responder", "1st")).to include("Nothing was made")
    expect(Dir.children(File.join(app.dir, "app/consumers"))).to contain_exactly("application_consumer.rb", "example_consumer.rb")
  end

  it "add to a Procfile.dev that exists, and say the route where there is no place for it" do
    app.write("Procfile.dev", "css: bin/rails css")
    generate("karafka:install")
    expect(read("Procfile.dev")).to eq("css: bin/rails css\nkarafka: bin/karafka server\n")
    app.write("karafka.rb", "")
    expect(generate("karafka:consumer", "orders")).to include("Add it to the routes: topic(:orders) { consumer OrdersConsumer }")
  end
end

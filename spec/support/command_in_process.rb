# frozen_string_literal: true

require "stringio"
require_relative "application"

# Runs commands in the process of the specs, each example in a directory of its own.
RSpec.shared_context "with commands in this process" do
  include ApplicationHelpers

  let(:directory) { File.realpath(Dir.mktmpdir) }

  around do |example|
    before = ENV.to_h
    ENV.delete("BUNDLE_GEMFILE")
    ENV["KARAFKA_ROOT_DIR"] = directory
    Dir.chdir(directory) { example.run }
  ensure
    ENV.replace(before)
    FileUtils.rm_rf(directory)
  end

  # Runs a command in this process. The boot file is loaded once a process, so each example has its own directory.
  def run(*argv)
    out = StringIO.new
    err = StringIO.new
    before = $stdout
    $stdout = out
    status = Karafka::Cli.run(argv, err: err)
    [status, out.string, err.string]
  ensure
    $stdout = before
  end

  def boot_file(routes = "topic(:orders) { consumer OrdersConsumer }", setup = "")
    consumer_class
    File.write("karafka.rb", <<~RUBY)
      Karafka::App.setup do |config|
        config.kafka = { "bootstrap.servers": "127.0.0.1:9092", "sasl.password": "s3cret" }
        #{setup}
      end
      Karafka::App.routes.draw { #{routes} }
    RUBY
  end
end

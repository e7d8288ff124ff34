# frozen_string_literal: true

require "open3"
require "rbconfig"
require_relative "../../support/command_in_process"

RSpec.describe "karafka install" do
  include_context "with commands in this process"

  it "writes an application that loads as it is" do
    status, out, = run("install")
    expect([status, out.scan(/^create +(\S+)/).flatten])
      .to eq([0, %w[karafka.rb app/consumers/application_consumer.rb spec/karafka_spec.rb app/consumers/example_consumer.rb
                    spec/consumers/example_consumer_spec.rb]])
    lib = File.expand_path("../../../lib", __dir__)
    out, err, = Open3.capture3({ "KARAFKA_LOG_LEVEL" => "error" }, RbConfig.ruby, "-w", "-I", lib, "-e", <<~RUBY)
      require "./karafka"
      KarafkaApp.boot!
      p Karafka::App.routes.topics.map { |topic| [topic.name, topic.consumer.to_s, topic.consumer.superclass.to_s] }
    RUBY
    expect(out).to eq("#{[%w[example ExampleConsumer ApplicationConsumer]].inspect}\n")
    expect(err.lines.reject { |line| line.include?("/zeitwerk/") }).to eq([])
  end

  it "leaves what is there already" do
    File.write("karafka.rb", "mine")
    expect(run("install")).to match([0, /exists  karafka.rb/, ""])
    expect(File.read("karafka.rb")).to eq("mine")
  end

  it "writes specs that pass, or tests where the application has such a directory" do
    lib = File.expand_path("../../../lib", __dir__)
    env = { "RUBYLIB" => lib, "KARAFKA_LOG_LEVEL" => "fatal" }
    run("install")
    out, = Open3.capture2e(env, "rspec")
    expect(out).to include("2 examples, 0 failures")
    FileUtils.rm_r("spec")
    FileUtils.mkdir_p("test")
    run("install")
    out, = Open3.capture2e(env, RbConfig.ruby, "-W0", "-e", 'Dir["./test/**/*_test.rb"].each { |file| require file }')
    expect(out).to match(/2 runs, [23] assertions, 0 failures, 0 errors/)
    expect(Dir.exist?("spec")).to be(false)
  end

  it "lets Rails load the classes, also in tests" do
    FileUtils.mkdir_p(%w[config test])
    File.write("config/application.rb", "")
    File.write("test/test_helper.rb", "")
    run("install")
    expect(File.read("karafka.rb")).not_to include("Zeitwerk")
    test = File.read("test/consumers/example_consumer_test.rb")
    expect(test).to include('require "test_helper"', "class ExampleConsumerTest < ActiveSupport::TestCase")
  end
end

# frozen_string_literal: true

require "open3"
require "rbconfig"
require "tmpdir"

RSpec.describe Karafka::Cli::Target do
  script = <<~RUBY
    require "karafka"
    Karafka::Cli::Target.kafka("127.0.0.1:1")
    Karafka.logger.warn("Karafka::Admin has no answer yet")
    puts "{}"
  RUBY

  setup = ->(line) { "Karafka::App.setup { |config| config.kafka = { 'bootstrap.servers': '127.0.0.1:1' }\n#{line} }\nputs 'loaded'" }
  applications = {
    "without an application" => nil, "with one" => setup.call(nil),
    "with one that has Karafka's logger" => setup.call("config.logger = Karafka::Instrumentation::Logger.new")
  }
  applications.each do |which, karafka_rb|
    it "keeps standard output for the answer, and has the log on standard error, #{which}" do
      Dir.mktmpdir do |dir|
        File.write(File.join(dir, "karafka.rb"), karafka_rb) if karafka_rb
        env = { "BUNDLE_GEMFILE" => nil, "RUBYOPT" => nil, "KARAFKA_ENV" => nil, "KARAFKA_LOG_LEVEL" => nil }
        out, err, = Open3.capture3(env, RbConfig.ruby, "-I", File.expand_path("../../../lib", __dir__), "-e", script, chdir: dir)
        expect([out, err]).to match(["{}\n", /no answer yet/])
      end
    end
  end
end

# frozen_string_literal: true

require "fileutils"
require "tmpdir"
require "rbconfig"

namespace :package do
  # In an empty GEM_HOME, from outside the checkout: only what the gem itself carries can be loaded. Installed
  # libraries of the system (thor, zeitwerk) stay visible, as there may be no gem source to fetch them from.
  smoke_test = <<~RUBY
    require "karafka-rs"
    gem_path = Gem.loaded_specs.fetch("karafka-rs").full_gem_path
    abort "loaded from \#{gem_path}" unless gem_path.start_with?(ENV.fetch("GEM_HOME"))
    broker = Karafka::Native::MockBroker.new(1)
    abort "the mock broker has no address" if broker.bootstrap_servers.empty?
    broker.close
    puts "karafka-rs \#{Karafka::VERSION} on librdkafka \#{Karafka::Native.librdkafka_version}, Ruby \#{RUBY_VERSION}"
  RUBY

  desc "Build the gem into pkg/"
  task :build do
    FileUtils.mkdir_p("pkg")
    sh "gem", "build", "karafka-rs.gemspec", "--strict", "--output", "pkg/karafka-rs.gem"
  end

  desc "Install the built gem into an empty GEM_HOME and start a mock broker with it (COLD=1: no build cache)"
  task verify: :build do
    Dir.mktmpdir do |dir|
      env = { "GEM_HOME" => "#{dir}/gems", "GEM_PATH" => nil, "RUBYOPT" => nil, "BUNDLE_GEMFILE" => nil,
              "RUBYLIB" => nil }
      env["CARGO_TARGET_DIR"] = File.expand_path("target/package") unless ENV["COLD"]
      sh env, "gem", "install", "--local", "--no-document", "pkg/karafka-rs.gem"
      sh env, RbConfig.ruby, "-e", smoke_test, chdir: dir
    end
  end
end

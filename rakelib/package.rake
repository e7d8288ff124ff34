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

  desc "Write THIRD-PARTY-LICENSES from the crates in Cargo.lock"
  task :licenses do
    require_relative "licenses"
    abort "Not fit for a gem under MIT or Apache-2.0: #{Licenses.unfit.join(", ")}" if Licenses.unfit.any?
    File.write(Licenses::FILE, Licenses.text)
  end

  namespace :licenses do
    desc "Check that THIRD-PARTY-LICENSES is what Cargo.lock comes to"
    task :check do
      require_relative "licenses"
      abort "Not fit for a gem under MIT or Apache-2.0: #{Licenses.unfit.join(", ")}" if Licenses.unfit.any?
      abort "#{Licenses::FILE} is not up to date: run rake package:licenses" unless Licenses.current?
    end
  end

  # What a user needs, once, and nothing else.
  check_contents = lambda do |home|
    gem = Dir.glob("#{home}/gems/karafka-rs-*").first
    files = Dir.glob("**/*", base: gem).select { |path| File.file?(File.join(gem, path)) }
    wanted = %w[LICENSE-MIT LICENSE-APACHE THIRD-PARTY-LICENSES README.md CHANGELOG.md Cargo.lock sig/karafka.rbs]
    abort "the gem lacks #{(wanted - files).join(", ")}" unless (wanted - files).empty?
    stray = files.grep(%r{\Aext/.*(/tests|/examples|/benches|/target|tests\.rs)|\A(spec|bench|verify|target)/})
    abort "the gem has what nobody needs there: #{stray.first(5).join(", ")}" if stray.any?
    libraries = Dir.glob("#{home}/**/karafka_rs.{so,bundle}")
    abort "the extension is there #{libraries.size} times: #{libraries.join(", ")}" unless libraries.size == 1
    size = File.size(libraries.first)
    abort "the extension has #{size} bytes: it is not stripped" if size > 12_000_000
    total = files.sum { |path| File.size(File.join(gem, path)) }
    puts "#{files.size} files, #{total / 1_000_000.0} MB, the extension #{size / 1_000_000.0} MB"
  end

  desc "Build the gem into pkg/"
  task :build do
    FileUtils.mkdir_p("pkg")
    sh "gem", "build", "karafka-rs.gemspec", "--strict", "--output", "pkg/karafka-rs.gem"
  end

  # What rakelib/platforms.rake has compiled, in roots without a compiler.
  verify_platform = lambda do |name|
    require_relative "platforms/gem_builder"
    require_relative "platforms/verification"

    platform = Platform.fetch(name)
    minors = Compiler.new(platform).minors
    abort "nothing is compiled for #{name}: run rake package:platforms[#{name}]" if minors.empty?
    gem = GemBuilder.new(platform, minors).call
    Verification.new(platform, gem).call(ENV.fetch("RUBIES", minors.join(",")).split(","))
  end

  desc "Install the built gem into an empty GEM_HOME and start a mock broker with it (COLD=1: no build cache); " \
       "package:verify[x86_64-linux]: a precompiled one, in roots of its own"
  task :verify, [:platform] do |_, given|
    next verify_platform.call(given.platform) if given.platform

    %w[licenses:check build].each { |name| Rake::Task["package:#{name}"].invoke }
    Dir.mktmpdir do |dir|
      env = { "GEM_HOME" => "#{dir}/gems", "GEM_PATH" => nil, "RUBYOPT" => nil, "BUNDLE_GEMFILE" => nil,
              "RUBYLIB" => nil }
      env["CARGO_TARGET_DIR"] = File.expand_path("target/package") unless ENV["COLD"]
      sh env, "gem", "install", "--local", "--no-document", "pkg/karafka-rs.gem"
      sh env, RbConfig.ruby, "-e", smoke_test, chdir: dir
      check_contents.call("#{dir}/gems")
    end
  end
end

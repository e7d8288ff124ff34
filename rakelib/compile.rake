# frozen_string_literal: true

require "fileutils"
require "rbconfig"

# Builds one profile with cargo and puts the library where `require "karafka_rs/karafka_rs"` finds it.
compile_extension = lambda do |profile|
  library = RbConfig::CONFIG["host_os"].match?(/darwin/) ? "libkarafka_rs.dylib" : "libkarafka_rs.so"
  target = ENV.fetch("CARGO_TARGET_DIR", "target")
  flags = profile == "release" ? ["--release"] : []
  # rb-sys builds for the `ruby` in PATH unless told otherwise. Told only where that is another one: a change of RUBY
  # makes cargo build half the dependencies again.
  other = IO.popen(%w[ruby -rrbconfig -e] + ["print RbConfig.ruby"], &:read) != RbConfig.ruby
  sh(other ? { "RUBY" => RbConfig.ruby } : {}, "cargo", "build", "--locked", "-p", "karafka_rs", *flags)

  built = File.join(target, profile, library)
  wanted = "lib/karafka_rs/karafka_rs.#{RbConfig::CONFIG["DLEXT"]}"
  next if File.exist?(wanted) && FileUtils.identical?(built, wanted)

  FileUtils.mkdir_p(File.dirname(wanted))
  # A new file and a rename: a running process keeps the library that it has mapped.
  FileUtils.cp(built, "#{wanted}.new")
  FileUtils.mv("#{wanted}.new", wanted)
end

desc "Build the extension (release profile) into lib/karafka_rs"
task(:compile) { compile_extension.call("release") }

namespace :compile do
  desc "Build the extension with the dev profile: quick to build, slow to run, with overflow checks"
  task(:dev) { compile_extension.call("debug") }
end

# frozen_string_literal: true

require "fileutils"
require_relative "cross_ruby"
require_relative "tools"

# Compiles the extension for a platform and a Ruby, and parts it into what a gem has and what only a reader of backtraces needs.
class Compiler
  ROOT = File.expand_path("../..", __dir__)
  # Of all platforms; each has a directory of its own in it.
  TARGET = File.join(ROOT, "target/platforms")
  PLACE = File.join(ROOT, "pkg/platforms")

  # @param platform [Platform]
  def initialize(platform)
    @platform = platform
  end

  # @param minor [String] of Ruby
  # @return [String] path of the stripped extension; its line tables are beside it, with .debug at the end
  def call(minor)
    # RUBY is what rb-sys asks; cargo builds again what depends on it.
    environment = Tools.for(@platform).merge("RUBY" => CrossRuby.new(minor, @platform).program, "CARGO_TARGET_DIR" => TARGET,
                                             "RUSTFLAGS" => flags, "SOURCE_DATE_EPOCH" => Compiler.epoch.to_s)
    glibc = ".#{Platform::GLIBC}" unless @platform.musl?
    run(environment, "cargo", "zigbuild", "--locked", "--release", "-p", "karafka_rs", "--features", "static",
        "--target", "#{@platform.rust}#{glibc}")
    split("#{TARGET}/#{@platform.rust}/release/libkarafka_rs.so", library(minor))
  end

  # @param minor [String]
  # @return [String]
  def library(minor)
    File.join(PLACE, @platform.name, minor, "karafka_rs.so")
  end

  # @return [Array<String>] the Rubies that there are extensions for
  def minors
    Platform::RUBIES.keys.select { |minor| File.exist?(library(minor)) }
  end

  # @return [Integer] seconds since 1970: when the last commit was made. Whatever holds a time holds this one, so that the same
  #   commit becomes the same bytes
  def self.epoch
    @epoch ||= ENV.fetch("SOURCE_DATE_EPOCH") { IO.popen(%w[git log -1 --format=%ct], chdir: ROOT, &:read) }.to_i
  end

  private

  # No path of this machine, in panics and line tables.
  def flags
    cargo = ENV.fetch("CARGO_HOME", File.join(Dir.home, ".cargo"))
    ["--remap-path-prefix=#{cargo}=/cargo", "--remap-path-prefix=#{ROOT}=/karafka-rs", "-C", "link-arg=-Wl,--build-id=sha1",
     *@platform.rust_flags].join(" ")
  end

  def split(built, library)
    FileUtils.mkdir_p(File.dirname(library))
    debug = "#{library}.debug"
    run({}, "llvm-objcopy", "--only-keep-debug", "--compress-debug-sections=zlib", built, debug)
    # With a link, by name and checksum, to the other file.
    run({}, "llvm-objcopy", "--strip-all", "--add-gnu-debuglink=#{debug}", built, library)
    library
  end

  def run(environment, *command)
    system(environment, *command, chdir: ROOT) || abort("failed: #{command.join(" ")}")
  end
end

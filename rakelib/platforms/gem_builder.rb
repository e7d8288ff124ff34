# frozen_string_literal: true

require "digest"
require "fileutils"
require "rubygems/package"
require "tmpdir"
require_relative "compiler"

# Packs the compiled extensions of a platform into a gem: what the source gem has, without the sources. The same files become the
# same bytes.
class GemBuilder
  # For each Ruby: an extension is bound to the layout of its objects. Of the 14 MB of one, 10 are code: 3.6 OpenSSL, 1.3 librdkafka,
  # 0.8 zstd and lz4, 1.6 this gem, the rest other crates. They are the same for each Ruby, but one library that all of them share
  # would need a stable interface between it and the extensions, and cost what inlining across it gives.
  MAX_BYTES = 6_500_000
  MAX_INSTALLED_BYTES = 17_000_000

  # @param platform [Platform]
  # @param minors [Array<String>] versions of Ruby whose extensions are built
  def initialize(platform, minors)
    @platform = platform
    @compiler = Compiler.new(platform)
    @minors = minors
  end

  # @return [String] path of the gem
  def call
    abort "nothing is built for #{@platform.name}" if @minors.empty?
    FileUtils.mkdir_p(Compiler::PLACE)
    name = "karafka-rs-#{specification.version}-#{@platform.name}.gem"
    GemBuilder.pack(specification, Compiler::PLACE, name) do |directory|
      @minors.each { |minor| place(@compiler.library(minor), "#{directory}/#{extension(minor)}") }
      File.write("#{directory}/#{PLATFORM_FILE}", "#{@platform.name}\n")
    end
  end

  # Copies the files of a specification to a directory of its own, with rights that do not depend on this machine, and packs them.
  # @param specification [Gem::Specification]
  # @param place [String]
  # @param name [String] of the gem's file
  # @yieldparam directory [String] where further files may be put
  # @return [String] path of the gem
  def self.pack(specification, place, name)
    Dir.mktmpdir do |directory|
      yield directory if block_given?
      specification.files.each do |path|
        target = File.join(directory, path)
        FileUtils.mkdir_p(File.dirname(target))
        FileUtils.cp(File.join(Compiler::ROOT, path), target) unless File.exist?(target)
        File.chmod(path.start_with?("exe/") || path.end_with?(".so") ? 0o755 : 0o644, target)
      end
      build(specification, directory, File.join(place, name))
    end
  end

  def self.build(specification, directory, file)
    before = ENV.fetch("SOURCE_DATE_EPOCH", nil)
    ENV["SOURCE_DATE_EPOCH"] = Compiler.epoch.to_s
    specification.date = Gem.source_date_epoch
    Dir.chdir(directory) { FileUtils.mv(Gem::Package.build(specification, false, true), file) }
    file
  ensure
    ENV["SOURCE_DATE_EPOCH"] = before
  end
  private_class_method :build

  # @return [Gem::Specification] of the source gem
  def self.source_specification
    Dir.chdir(Compiler::ROOT) { Gem::Specification.load("karafka-rs.gemspec").dup }
  end

  private

  PLATFORM_FILE = "lib/karafka_rs/platform"
  private_constant :PLATFORM_FILE

  def extension(minor) = "lib/karafka_rs/#{minor}/karafka_rs.so"

  def place(from, to)
    FileUtils.mkdir_p(File.dirname(to))
    FileUtils.cp(from, to)
  end

  def specification
    @specification ||= GemBuilder.source_specification.tap do |gem|
      gem.platform = Gem::Platform.new(@platform.name)
      gem.extensions = []
      gem.files = gem.files.grep_v(%r{\A(ext/|Cargo\.toml)}) + @minors.map { |minor| extension(minor) } + [PLATFORM_FILE]
      # RubyGems and Bundler take the source gem for any other Ruby.
      gem.required_ruby_version = [">= #{@minors.first}", "< #{@minors.last.next}.dev"]
      gem.metadata = gem.metadata.except("cargo_crate_name")
    end
  end
end

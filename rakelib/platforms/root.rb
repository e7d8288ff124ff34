# frozen_string_literal: true

require "fileutils"
require_relative "platform"

# A Debian of its own with a Ruby and what the gem depends on, and nothing that compiles: where gems are installed to see that they
# work. Made by debootstrap, as root, and kept. With qemu-user-static and binfmt-support also of another architecture.
class Root
  DIRECTORY = File.join(ENV.fetch("KARAFKA_CHROOTS", File.join(Dir.home, ".cache/karafka-rs")), "roots")
  PACKAGES = %w[ruby ruby-thor ruby-zeitwerk ca-certificates].freeze
  PROGRAMS = %w[cargo rustc cc clang gcc].freeze
  private_constant :PACKAGES, :PROGRAMS

  attr_reader :path

  # @param minor [String] of Ruby
  # @param platform [Platform]
  def initialize(minor, platform)
    @suite = Platform::RUBIES.fetch(minor)
    @minor = minor
    @architecture = platform.debian
    @path = File.join(DIRECTORY, "#{minor}-#{@architecture}")
  end

  # Makes it where it does not exist.
  # @return [self]
  def up
    abort "a root of its own takes root's rights" unless Process.uid.zero?
    make unless File.exist?("#{@path}/complete")
    found = PROGRAMS.select { |name| File.exist?("#{@path}/usr/bin/#{name}") }
    abort "#{@path} has #{found.join(", ")}, and is to have nothing that compiles" if found.any?
    self
  end

  # @return [String] the Ruby in it
  def ruby = @suite == "experimental" ? "ruby#{@minor}" : "ruby"

  # Runs a command in it, with /proc and this machine's network.
  # @return [Boolean]
  def run(*command, env: {})
    variables = { "HOME" => "/root", "PATH" => "/usr/sbin:/usr/bin:/sbin:/bin", "LANG" => "C.UTF-8", **env }
    mounted { system("chroot", @path, "env", "-i", *variables.map { |pair| pair.join("=") }, *command) }
  end

  private

  def mounted
    FileUtils.mkdir_p("#{@path}/proc")
    system("mount", "--bind", "/proc", "#{@path}/proc") || abort("cannot mount /proc in #{@path}")
    yield
  ensure
    system("umount", "--lazy", "#{@path}/proc")
  end

  def make
    remove
    FileUtils.mkdir_p(DIRECTORY)
    # Debian's experimental is an addition to sid.
    suite = experimental? ? "sid" : @suite
    included = experimental? ? PACKAGES - ["ruby"] : PACKAGES
    command("debootstrap", "--arch=#{@architecture}", "--variant=minbase", "--include=#{included.join(",")}", suite, @path)
    from_experimental if experimental?
    FileUtils.rm_rf(Dir.glob("#{@path}/var/cache/apt/archives/*.deb"))
    FileUtils.touch("#{@path}/complete")
  end

  # What an earlier try left, but never through something that is mounted there.
  def remove
    mounts = File.readlines("/proc/self/mounts").map { |line| line.split[1] }.select { |mount| mount.start_with?("#{@path}/") }
    abort "#{mounts.join(", ")} is mounted: unmount it first" if mounts.any?
    command("rm", "-rf", "--one-file-system", @path)
  end

  def experimental? = @suite == "experimental"

  def from_experimental
    sources = File.read("#{@path}/etc/apt/sources.list")
    File.write("#{@path}/etc/apt/sources.list", "#{sources}#{sources.sub(" sid ", " experimental ")}")
    FileUtils.cp("/etc/resolv.conf", "#{@path}/etc/resolv.conf")
    # An index of experimental that nobody signs anew expires.
    apt = ["apt-get", "-q", "-y", "-o", "Acquire::Check-Valid-Until=false"]
    install = ["install", "--no-install-recommends", "-t", "experimental", "ruby#{@minor}"]
    abort "Ruby #{@minor} cannot be installed in #{@path}" unless run(*apt, "update") && run(*apt, *install)
  end

  def command(*words)
    system(*words) || abort("failed: #{words.join(" ")}")
  end
end

# frozen_string_literal: true

require "fileutils"
require "open3"
require_relative "platform"

# The headers and RbConfig of a Ruby for another machine, from Debian's packages, unpacked aside. Those of glibc serve for musl too:
# what an extension sees of Ruby has the same layout there, and the C library's own headers come from the compiler.
class CrossRuby
  CACHE = File.join(Dir.home, ".cache/karafka-rs/rubies")
  KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
  # Flags of Debian's compiler, which another one doesn't know or an extension doesn't need.
  FLAGS = %w[cflags CPPFLAGS DLDFLAGS].freeze
  private_constant :KEYRING, :FLAGS

  # @param minor [String] such as "3.3"
  # @param platform [Platform]
  def initialize(minor, platform)
    @minor = minor
    @architecture = platform.debian
    @directory = File.join(CACHE, "#{minor}-#{platform.debian}")
  end

  # @return [String] a program that answers rb-sys' question for RbConfig as that Ruby would
  def program
    program = File.join(@directory, "ruby")
    return program if File.exist?(program)

    unpack
    File.write("#{program}.config", config.merge(FLAGS.to_h { |name| [name, ""] }).map { |pair| pair.join("\x1F") }.join("\x1E"))
    File.write(program, "#!/bin/sh\n# Asked with -rrbconfig for all of RbConfig::CONFIG, whatever else the arguments are.\n" \
                        "exec cat #{program}.config\n")
    File.chmod(0o755, program)
    program
  end

  private

  def unpack
    debs = File.join(CACHE, "debs")
    FileUtils.mkdir_p([debs, @directory])
    packages = ["ruby#{@minor}-dev:#{@architecture}", "libruby#{@minor}:#{@architecture}"]
    Dir.chdir(debs) do
      run("apt-get", *options, "download", *packages.map { |package| "#{package}/#{Platform::RUBIES.fetch(@minor)}" })
      Dir.glob("{lib,}ruby#{@minor}{-dev,}_*_#{@architecture}.deb").each { |deb| run("dpkg-deb", "-x", deb, @directory) }
    end
  end

  # Lists of its own, for all releases and both architectures: those of this machine stay as they are.
  def options
    state = File.join(CACHE, "apt")
    settings = { "Dir::State" => "#{state}/state", "Dir::Cache" => "#{state}/cache", "Dir::State::status" => "#{state}/status",
                 "Dir::Etc::sourcelist" => "#{state}/sources.list", "Dir::Etc::sourceparts" => "/dev/null",
                 "Acquire::Check-Valid-Until" => "false", "Acquire::Languages" => "none", "APT::Sandbox::User" => "root",
                 "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled" => "false" }
    options = settings.map { |pair| pair.join("=") } + %w[amd64 arm64].map { |architecture| "APT::Architectures::=#{architecture}" }
    options = options.flat_map { |option| ["-o", option] }
    return options if File.exist?("#{state}/sources.list")

    FileUtils.mkdir_p(["#{state}/state/lists/partial", "#{state}/cache/archives/partial"])
    FileUtils.touch("#{state}/status")
    lines = Platform::RUBIES.values.map { |suite| "deb [signed-by=#{KEYRING}] #{mirror} #{suite} main\n" }
    File.write("#{state}/sources.list.new", lines.join)
    run("apt-get", *options_for(options, "#{state}/sources.list.new"), "update", "-q")
    File.rename("#{state}/sources.list.new", "#{state}/sources.list")
    options
  end

  def options_for(options, list)
    options + ["-o", "Dir::Etc::sourcelist=#{list}"]
  end

  def mirror = ENV.fetch("DEBIAN_MIRROR", "http://deb.debian.org/debian")

  # Its own file, without the line that refuses another Ruby; it finds its directories from its own place.
  def config
    file = Dir.glob("#{@directory}/usr/lib/*/ruby/#{@minor}.0/rbconfig.rb").first || abort("no rbconfig.rb in #{@directory}")
    source = File.read(file, encoding: "UTF-8").sub(/^\s*RUBY_VERSION\.start_with\?.*\n.*\n/, "")
    reading = "eval(STDIN.read, TOPLEVEL_BINDING, ARGV[0]); print Marshal.dump(RbConfig::CONFIG.to_a)"
    output, status = Open3.capture2(RbConfig.ruby, "--disable-gems", "-e", reading, file, stdin_data: source, binmode: true)
    abort "#{file} cannot be read" unless status.success?
    Marshal.load(output).to_h # rubocop:disable Security/MarshalLoad -- written a line above
  end

  def run(*command)
    system(*command) || abort("failed: #{command.join(" ")}")
  end
end

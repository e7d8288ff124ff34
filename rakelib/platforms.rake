# frozen_string_literal: true

# Gems for other platforms, compiled on this machine: see "Precompiled gems" in CONTRIBUTING.md.
namespace :package do
  platforms = lambda do |name|
    require_relative "platforms/gem_builder"
    require_relative "platforms/elf"
    name ? [Platform.fetch(name)] : Platform::ALL
  end

  # What the ELF headers say, and the sizes.
  check = lambda do |platform, gem, libraries|
    problems = libraries.flat_map { |library| Elf.new(library).problems(platform) }
    size = File.size(gem)
    Gem::Package.new(gem).verify
    # Whole: a reader of the pipe was seen to end before tar did.
    data = IO.popen(["tar", "-xOf", gem, "data.tar.gz"], "rb", &:read)
    installed = Gem::Package::TarReader.new(Zlib::GzipReader.new(StringIO.new(data))).sum { |entry| entry.header.size }
    problems << "#{gem} has #{size} bytes" if size > GemBuilder::MAX_BYTES * libraries.size
    problems << "#{gem} has #{installed} bytes installed" if installed > GemBuilder::MAX_INSTALLED_BYTES * libraries.size
    glibc = libraries.filter_map { |library| Elf.new(library).glibc }.max_by { |version| Gem::Version.new(version) }
    puts format("%<gem>s: %<size>.1f MB, %<installed>.1f MB installed; needs %<needed>s%<glibc>s",
                gem: File.basename(gem), size: size / 1e6, installed: installed / 1e6,
                needed: libraries.flat_map { |library| Elf.new(library).needed }.uniq.join(", "), glibc: (", glibc #{glibc}" if glibc))
    abort problems.join("\n") if problems.any?
  end

  desc "Compile gems for the Linux platforms into pkg/platforms; package:platforms[aarch64-linux] for one, RUBIES=3.3,3.4 for some Rubies"
  task :platforms, [:platform] do |_, given|
    chosen = platforms.call(given.platform)
    minors = ENV.fetch("RUBIES", Platform::RUBIES.keys.join(",")).split(",")
    chosen.each do |platform|
      libraries = minors.map { |minor| Compiler.new(platform).call(minor) }
      check.call(platform, GemBuilder.new(platform, minors).call, libraries)
    end
  end

  namespace :platforms do
    desc "Pack what package:platforms has compiled again, and check it"
    task :pack, [:platform] do |_, given|
      platforms.call(given.platform).each do |platform|
        compiler = Compiler.new(platform)
        minors = compiler.minors
        next puts("#{platform.name}: nothing is compiled") if minors.empty?

        check.call(platform, GemBuilder.new(platform, minors).call, minors.map { |minor| compiler.library(minor) })
      end
    end
  end
end

# frozen_string_literal: true

require "open3"
require_relative "platform"

# What a shared library needs of the system that loads it, as its ELF headers say.
class Elf
  # @param file [String]
  def initialize(file)
    @file = file
  end

  # @return [Array<String>] names of the libraries that it needs
  def needed
    readelf("--dynamic").scan(/\(NEEDED\).*\[(.+)\]/).flatten
  end

  # @return [String, nil] the highest version of glibc that one of its symbols needs
  def glibc
    readelf("--version-info").scan(/\bGLIBC_(\d[\d.]*)/).flatten.max_by { |version| Gem::Version.new(version) }
  end

  # @return [String] such as "AArch64"
  def machine
    readelf("--file-header")[/Machine:\s+(.+)/, 1]
  end

  # @return [Boolean] whether it has a table of symbols or lines, which only debuggers read
  def stripped?
    !readelf("--sections").match?(/\s\.(symtab|debug_line)\s/)
  end

  # @param platform [Platform]
  # @return [Array<String>] what keeps it from running on any machine of that platform
  def problems(platform)
    more = needed - platform.libraries
    found = []
    found << "needs #{more.join(", ")}" if more.any?
    if platform.musl? && glibc
      found << "needs glibc #{glibc}, and is for musl"
    elsif glibc && Gem::Version.new(glibc) > Gem::Version.new(Platform::GLIBC)
      found << "needs glibc #{glibc}, later than #{Platform::GLIBC}"
    end
    found << "is for #{machine}" unless machine.to_s.downcase.tr("-", "_").include?(platform.name[/\A[a-z0-9]+(_64)?/])
    found << "is not stripped" unless stripped?
    found.map { |problem| "#{@file} #{problem}" }
  end

  private

  def readelf(option)
    output, status = Open3.capture2("readelf", "--wide", option, @file, err: File::NULL)
    abort "readelf cannot read #{@file}" unless status.success?
    output
  end
end

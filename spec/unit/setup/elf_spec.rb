# frozen_string_literal: true

require "rbconfig"
require_relative "../../../rakelib/platforms/elf"

# What keeps an extension from running elsewhere, seen in the one that was compiled for this machine alone.
RSpec.describe Elf do
  let(:elf) { described_class.new(File.expand_path("../../../lib/karafka_rs/karafka_rs.so", __dir__)) }
  let(:here) { Platform::ALL.find { |platform| platform.native? && !platform.musl? } }

  before { skip "readelf is not installed" unless system("readelf", "--version", out: File::NULL, err: File::NULL) }

  it "finds libraries that not every system has, a later glibc, and symbols" do
    problems = elf.problems(here).join("\n")
    expect(problems).to match(/karafka_rs\.so needs .*libssl\.so/)
    expect(problems).to match(/needs glibc 2\.\d+, later than 2\.17/)
    expect(problems).to include("is not stripped")
    expect(problems).not_to include("is for")
  end

  it "finds glibc where musl is, and another processor" do
    other = Platform::ALL.find { |platform| !platform.native? && platform.musl? }
    expect(elf.problems(other).join("\n")).to match(/needs glibc 2\.\d+, and is for musl.*is for #{elf.machine}/m)
  end
end

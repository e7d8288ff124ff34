# frozen_string_literal: true

require "fileutils"
require "tmpdir"

# Which extension is loaded, and what is said where none fits.
RSpec.describe Karafka::Extension do
  let(:directory) { Dir.mktmpdir }

  after { FileUtils.rm_rf(directory) }

  def gem_for(platform, *minors)
    File.write(File.join(directory, "platform"), "#{platform}\n")
    minors.each do |minor|
      FileUtils.mkdir_p(File.join(directory, minor))
      File.write(File.join(directory, minor, "karafka_rs.so"), "no library")
    end
  end

  def extension(**here)
    described_class.new(directory: directory, host: "linux-gnu", arch: "x86_64-linux", **here)
  end

  def refusal(**here)
    extension(**here).load
    nil
  rescue Karafka::Errors::ExtensionMissingError => e
    e.message
  end

  it "takes the one of this Ruby's minor version from a precompiled gem" do
    gem_for("x86_64-linux", "3.1", "3.3", "3.10")
    expect(extension(ruby: "3.3.8").path).to eq("#{directory}/3.3/karafka_rs")
    expect(extension(ruby: "3.10.0").path).to eq("#{directory}/3.10/karafka_rs")
    expect(extension(ruby: "3.3.8").precompiled).to eq(%w[3.1 3.3 3.10])
  end

  it "takes the one that was compiled here where there are no others" do
    expect(extension(ruby: "3.3.8").path).to eq("karafka_rs/karafka_rs")
    expect(described_class.new(directory: "#{directory}/none").path).to eq("karafka_rs/karafka_rs")
  end

  it "takes the one that was compiled here for a Ruby that the gem has none for" do
    gem_for("x86_64-linux", "3.1")
    expect(extension(ruby: "3.5.0").path).to eq("karafka_rs/karafka_rs")
  end

  it "says what the gem has, what this Ruby is and what to do, where there is none for it" do
    gem_for("aarch64-linux", "3.1", "3.4")
    found = extension(ruby: "3.2.1", arch: "aarch64-linux")
    allow(found).to receive(:require).and_raise(LoadError, "cannot load such file")
    message = "for aarch64-linux has extensions for Ruby 3.1, 3.4, and this is Ruby 3.2.1 (aarch64-linux). Use one of those, or compile " \
              "it for this Ruby: `gem install karafka-rs --platform ruby`, in a Gemfile `gem \"karafka-rs\", force_ruby_platform: true`."
    expect { found.load }.to raise_error(Karafka::Errors::ExtensionMissingError, /#{Regexp.escape(message)}/)
  end

  it "names the platform, Ruby and the cause where the system refuses it" do
    gem_for("x86_64-linux", "3.3")
    expect(refusal(ruby: "3.3.8"))
      .to match(/for x86_64-linux and Ruby 3\.3 cannot be loaded on this Ruby 3\.3\.8 \(x86_64-linux\): .*karafka_rs/)
  end

  it "sees a gem for glibc on musl before it is loaded, and the other way around" do
    gem_for("x86_64-linux", "3.3")
    expect(refusal(ruby: "3.3.8", host: "linux-musl"))
      .to match(/for x86_64-linux, which needs glibc, and this Ruby .* runs on musl \(Alpine\)\. RubyGems before 3\.3\.22.*--platform ruby/)
    gem_for("x86_64-linux-musl", "3.3")
    expect(refusal(ruby: "3.3.8")).to match(/for x86_64-linux-musl, which needs musl \(Alpine\), and this Ruby .* runs on glibc/)
  end

  it "doesn't compare C libraries where there is only one" do
    gem_for("arm64-darwin", "3.3")
    expect(refusal(ruby: "3.3.8", host: "darwin23")).to match(/cannot be loaded/)
  end
end

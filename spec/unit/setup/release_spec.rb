# frozen_string_literal: true

require "fileutils"
require "open3"
require "tmpdir"
require_relative "../../../rakelib/release_check"

RSpec.describe ReleaseCheck do
  let(:root) { Dir.mktmpdir }

  before { files }
  after { FileUtils.rm_rf(root) }

  def files(version: "1.2.0", crate: version, locked: crate, changes: "## #{version} (2026-12-01)\n\n* New.\n\n## 1.1.0 (2026-01-01)\n")
    FileUtils.mkdir_p("#{root}/lib/karafka")
    { "lib/karafka/version.rb" => "module Karafka\n  VERSION = \"#{version}\"\nend\n", "CHANGELOG.md" => "# Changes\n\n#{changes}",
      "Cargo.toml" => "[workspace]\nresolver = \"2\"\n\n[workspace.package]\nversion = \"#{crate}\"\n",
      "Cargo.lock" => "[[package]]\nname = \"karafka_rs\"\nversion = \"#{locked}\"\n" }
      .each { |path, text| File.write("#{root}/#{path}", text) }
  end

  def git(*arguments)
    output, status = Open3.capture2e("git", "-c", "user.name=n", "-c", "user.email=e", *arguments, chdir: root)
    raise output unless status.success?
  end

  def problems(tag = nil) = described_class.new(root, tag).problems

  it "finds nothing where all agree, and prints the changes of this version alone" do
    expect(problems).to eq([])
    expect(described_class.new(root).notes).to eq("* New.")
  end

  it "finds versions that differ" do
    files(crate: "1.1.0")
    expect(problems).to eq(["Cargo.toml has version 1.1.0, and lib/karafka/version.rb 1.2.0: set both to the same"])
    files(locked: "1.1.0")
    expect(problems).to eq(["Cargo.lock has karafka_rs 1.1.0: run cargo update --workspace"])
  end

  it "finds changes without a day, or none" do
    files(changes: "## 1.2.0 (unreleased)\n\n* New.\n")
    expect(problems).to eq(["CHANGELOG.md begins with \"## 1.2.0 (unreleased)\": write \"## 1.2.0 (YYYY-MM-DD)\", with the day of " \
                            "the release"])
    files(changes: "## 1.1.0 (2026-01-01)\n\n* Old.\n")
    expect(problems).to include("CHANGELOG.md says nothing about 1.2.0")
  end

  it "finds a tag of another version, and one on another commit" do
    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "-m", "one")
    git("tag", "v1.2.0")
    expect(problems("v1.2.0")).to eq([])
    git("tag", "v1.3.0")
    expect(problems("v1.3.0")).to eq(["the tag is v1.3.0, and the version 1.2.0: the tag has to be v1.2.0"])
    git("commit", "--quiet", "--allow-empty", "-m", "two")
    expect(problems("v1.2.0")).to eq(["the tag v1.2.0 is not on this commit: git tag --force v1.2.0, before it is pushed"])
    expect(problems("v9")).to include(/not on this commit/)
  end
end

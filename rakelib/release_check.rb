# frozen_string_literal: true

require "open3"

# What a release needs before its tag is pushed: one version everywhere, changes that are dated, a tag that names them.
class ReleaseCheck
  CHANGES = "CHANGELOG.md"

  # @param root [String]
  # @param tag [String, nil] such as "v0.1.0"; nil: not tagged yet
  def initialize(root, tag = nil)
    @root = root
    @tag = tag
  end

  # @return [String]
  def version
    read("lib/karafka/version.rb")[/VERSION = "(.+)"/, 1]
  end

  # @return [Array<String>] what has to be put right, as sentences
  def problems
    [*crates, dated, described, *tagged].compact
  end

  # @return [String] what CHANGELOG.md has about this version
  def notes
    heading = /^## #{Regexp.escape(version)}\b.*\n/
    read(CHANGES)[/#{heading}(.*?)(?=^## |\z)/m, 1].to_s.strip
  end

  private

  def read(path) = File.read(File.join(@root, path), encoding: "UTF-8")

  def crates
    manifest = read("Cargo.toml")[/^\[workspace\.package\].*?^version = "(.+?)"/m, 1]
    wrong = "Cargo.toml has version #{manifest}, and lib/karafka/version.rb #{version}: set both to the same" if manifest != version
    locked = read("Cargo.lock").scan(/^name = "(karafka_\w+)"\nversion = "(.+)"/).reject { |_, found| found == manifest }
    [wrong, *locked.map { |name, found| "Cargo.lock has #{name} #{found}: run cargo update --workspace" }]
  end

  def dated
    heading = read(CHANGES)[/^## .*/].to_s
    return if heading.match?(/\A## #{Regexp.escape(version)} \(\d{4}-\d\d-\d\d\)\z/)

    "#{CHANGES} begins with #{heading.inspect}: write \"## #{version} (YYYY-MM-DD)\", with the day of the release"
  end

  def described
    "#{CHANGES} says nothing about #{version}" if notes.empty?
  end

  def tagged
    return [] unless @tag

    wrong = "the tag is #{@tag}, and the version #{version}: the tag has to be v#{version}" if @tag != "v#{version}"
    commit, head = [@tag, "HEAD"].map { |name| Open3.capture2("git", "rev-list", "-n1", name, chdir: @root, err: File::NULL).first.strip }
    elsewhere = "the tag #{@tag} is not on this commit: git tag --force #{@tag}, before it is pushed" if commit != head
    [wrong, elsewhere]
  end
end

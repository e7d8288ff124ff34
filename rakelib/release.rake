# frozen_string_literal: true

# See "How a release is made" in CONTRIBUTING.md.
namespace :release do
  release = lambda do |tag = nil|
    require_relative "release_check"
    ReleaseCheck.new(File.expand_path("..", __dir__), tag)
  end

  desc "Check version, CHANGELOG.md and Cargo.lock before a release; release:check[v0.1.0] the tag as well"
  task :check, [:tag] do |_, given|
    found = release.call(given.tag)
    abort found.problems.join("\n") if found.problems.any?
    puts "#{found.version} can be released"
  end

  desc "Print what CHANGELOG.md has about this version"
  task(:notes) { puts release.call.notes }
end

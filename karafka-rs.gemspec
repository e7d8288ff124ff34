# frozen_string_literal: true

require_relative "lib/karafka/version"

Gem::Specification.new do |spec|
  spec.name = "karafka-rs"
  spec.version = Karafka::VERSION
  spec.authors = ["karafka-rs contributors"]
  spec.summary = "Kafka framework for Ruby with an engine in Rust"
  spec.description = "Consumers, producers, routing and a server for Apache Kafka, with the API of Karafka 1.x and " \
                     "today; fetching, offsets and JSON decoding run in a Rust engine on librdkafka."
  spec.homepage = "https://github.com/karafka-rs/karafka-rs"
  spec.licenses = ["MIT", "Apache-2.0"]
  spec.required_ruby_version = ">= 3.1"
  spec.metadata = {
    "source_code_uri" => spec.homepage,
    "changelog_uri" => "#{spec.homepage}/blob/main/CHANGELOG.md",
    "rubygems_mfa_required" => "true",
    # Names the crate, so that tools which build for many platforms find it.
    "cargo_crate_name" => "karafka_rs"
  }

  # Listed from the disk, not from git: the gem is also built where there is no checkout.
  spec.files = Dir.chdir(__dir__) do
    Dir["lib/**/*.{rb,erb,tt,yml}", "exe/*", "sig/**/*.rbs", "docs/**/*.{md,json}", "extra/**/*", "ext/**/*.{rs,rb,toml,md}",
        "Cargo.{toml,lock}", "README.md", "CHANGELOG.md", "LICENSE-*", "THIRD-PARTY-LICENSES"]
      .select { |path| File.file?(path) }.grep_v(%r{\Aext/.*/(tests|examples|benches)/|/tests\.rs\z})
  end
  spec.bindir = "exe"
  spec.executables = Dir[File.join(__dir__, "exe/*")].map { |path| File.basename(path) }.sort
  spec.require_paths = ["lib"]
  spec.extensions = ["ext/karafka_rs/extconf.rb"]

  # No longer among what every Ruby has, from Ruby 4.0 on.
  spec.add_dependency "logger", "~> 1.4"
  spec.add_dependency "thor", ">= 1.2", "< 2"
  spec.add_dependency "zeitwerk", "~> 2.6"
end

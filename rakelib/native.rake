# frozen_string_literal: true

# `rake native:PLATFORM gem`, which rb-sys-dock runs in its container for that platform; only the workflow of a release needs it.
# Elsewhere neither gem is installed, and `rake package:platforms` does the like.
begin
  # rake-compiler's, first: without it rb_sys ends the process instead of raising.
  require "rake/extensiontask"
  require "rb_sys/extensiontask"
rescue LoadError
  nil
else
  platforms = %w[x86_64-linux aarch64-linux x86_64-linux-musl aarch64-linux-musl x86_64-darwin arm64-darwin]
  RbSys::ExtensionTask.new("karafka_rs", Gem::Specification.load("karafka-rs.gemspec")) do |ext|
    ext.lib_dir = "lib/karafka_rs"
    ext.cross_compile = true
    ext.cross_platform = platforms
    ext.cross_config_options << "--with-static"
    ext.cross_compiling do |gem|
      # What Karafka::Extension reads to tell glibc from musl.
      File.write("lib/karafka_rs/platform", "#{gem.platform}\n")
      gem.files += ["lib/karafka_rs/platform"]
      gem.files.reject! { |path| path.start_with?("ext/", "Cargo.toml") }
    end
  end
end

# frozen_string_literal: true

# Writes the Makefile that `gem install` runs to build the extension.
#
# Two ways: with the rb_sys gem, which builds for other platforms too, its mkmf helper is used; without it a plain Makefile calls
# cargo. Both build the same crate from the Cargo.lock that the gem carries.

require "rbconfig"
require_relative "extconf_support"

# A missing tool is said here; cargo would say it after minutes, in the middle of its output.
(reason = KarafkaRsBuild.unsupported) && abort(reason)
missing = KarafkaRsBuild.missing_packages
rust = KarafkaRsBuild.rust_problem
abort(KarafkaRsBuild.explain(missing, rust)) if rust || missing.any?

puts "karafka-rs: compiling Rust, 2 to 5 minutes; needs the network for Rust crates"

# Where cargo is not in PATH, rb_sys would download a toolchain.
if KarafkaRsBuild.which("cargo") && !ENV["KARAFKA_RS_PLAIN_MAKEFILE"]
  begin
    gem "rb_sys"
    # In this order: the helper extends mkmf.
    require "mkmf"
    require "rb_sys/mkmf"
  rescue LoadError
    # Without the gem, the plain way below.
  end
end

if defined?(RbSys)
  ENV["RB_SYS_FORCE_INSTALL_RUST_TOOLCHAIN"] = "false"
  create_rust_makefile("karafka_rs/karafka_rs") do |config|
    config.profile = ENV.fetch("RB_SYS_CARGO_PROFILE", "release").to_sym
    config.extra_cargo_args += ["--locked", *KarafkaRsBuild.feature_arguments]
    config.features += KarafkaRsBuild.features
  end
  File.write("Makefile", KarafkaRsBuild.release_settings + File.read("Makefile"))
else
  File.write("Makefile", KarafkaRsBuild.plain_makefile)
  puts "creating Makefile (plain cargo)"
end

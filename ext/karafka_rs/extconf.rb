# frozen_string_literal: true

# Writes the Makefile that `gem install` runs to build the extension.
#
# Two ways: with the rb_sys gem its mkmf helper is used; without it a plain Makefile calls cargo. Both build the
# same crate from the Cargo.lock that the gem carries.

require "rbconfig"
require_relative "extconf_support"

# A missing tool is said here in one line; cargo would say it after minutes, in the middle of its output.
missing = KarafkaRsBuild.missing_requirements
abort(KarafkaRsBuild.explain(missing)) unless missing.empty?

begin
  unless ENV["KARAFKA_RS_PLAIN_MAKEFILE"]
    gem "rb_sys"
    # In this order: the helper extends mkmf.
    require "mkmf"
    require "rb_sys/mkmf"
  end
rescue LoadError
  # Without the gem, the plain way below.
end

if defined?(RbSys)
  create_rust_makefile("karafka_rs/karafka_rs") do |config|
    config.profile = ENV.fetch("RB_SYS_CARGO_PROFILE", "release").to_sym
    config.extra_cargo_args += ["--locked"]
  end
else
  File.write("Makefile", KarafkaRsBuild.plain_makefile)
  puts "creating Makefile (plain cargo, the rb_sys gem is not there)"
end

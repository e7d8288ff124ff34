# frozen_string_literal: true

require "rbconfig"
require "shellwords"

# What extconf.rb needs to know about this machine. Plain Ruby, because nothing of the gem is built yet.
module KarafkaRsBuild
  ROOT = File.expand_path("../..", __dir__)
  LIBRARY = RbConfig::CONFIG["host_os"].match?(/darwin/) ? "libkarafka_rs.dylib" : "libkarafka_rs.so"

  # What to install, by the name that the missing thing is reported under.
  PACKAGES = {
    "cargo" => "a Rust toolchain (1.85 or later): https://rustup.rs, or your system's packages",
    "a C compiler and make" => "build-essential",
    "pkg-config" => "pkg-config",
    "the OpenSSL headers" => "libssl-dev",
    "libclang" => "libclang-dev clang",
    "the Ruby headers" => "ruby-dev"
  }.freeze

  module_function

  # @return [Array<String>] keys of PACKAGES that this machine lacks
  def missing_requirements
    checks = {
      "cargo" => cargo, "a C compiler and make" => which("cc") && which("make"),
      "pkg-config" => which("pkg-config") || ENV.fetch("OPENSSL_DIR", nil), "the OpenSSL headers" => openssl?,
      "libclang" => libclang?, "the Ruby headers" => File.exist?(File.join(RbConfig::CONFIG["rubyhdrdir"], "ruby.h"))
    }
    checks.reject { |_, found| found }.keys
  end

  # @return [String] what is missing and how to install it
  def explain(missing)
    lines = missing.map { |name| "  #{name}: #{PACKAGES.fetch(name)}" }
    packages = (missing - ["cargo"]).map { |name| PACKAGES.fetch(name) }
    lines << "On Debian or Ubuntu: apt-get install #{packages.join(" ")}" unless packages.empty?
    "karafka-rs is compiled at installation, and this machine lacks:\n#{lines.join("\n")}\n" \
      "Install it, then run the same command again."
  end

  # @return [String] a Makefile with the targets that RubyGems calls: all, install, clean
  def plain_makefile
    <<~MAKE
      # Written by extconf.rb.
      ROOT = #{ROOT}
      CARGO = #{cargo}
      TARGET_DIR = #{target_dir}
      LIBRARY = $(TARGET_DIR)/release/#{LIBRARY}
      sitearchdir = #{RbConfig::CONFIG["sitearchdir"]}
      DLEXT = #{RbConfig::CONFIG["DLEXT"]}
      # rb-sys asks this Ruby for its headers and flags.
      export RUBY = #{RbConfig.ruby}

      all: $(LIBRARY)

      $(LIBRARY): FORCE
      \tcd "$(ROOT)" && CARGO_TARGET_DIR="$(TARGET_DIR)" "$(CARGO)" build --release --locked -p karafka_rs

      install: all
      \tmkdir -p "$(DESTDIR)$(sitearchdir)/karafka_rs"
      \tcp "$(LIBRARY)" "$(DESTDIR)$(sitearchdir)/karafka_rs/karafka_rs.$(DLEXT)"
      #{"\trm -rf \"$(TARGET_DIR)\"\n" if installed_as_gem? && !ENV["CARGO_TARGET_DIR"]}
      clean:

      distclean realclean: clean
      \trm -f Makefile

      .PHONY: all install clean distclean realclean FORCE
    MAKE
  end

  def cargo
    which("cargo") || [File.join(Dir.home, ".cargo/bin/cargo")].find { |path| File.executable?(path) }
  end

  # In an installed gem the target directory is some 300 MB that nobody needs again, so it is removed.
  def installed_as_gem?
    File.basename(File.dirname(ROOT)) == "gems"
  end

  def target_dir
    ENV.fetch("CARGO_TARGET_DIR", File.join(ROOT, "target"))
  end

  def which(name)
    ENV.fetch("PATH", "").split(File::PATH_SEPARATOR).map { |dir| File.join(dir, name) }
       .find { |path| File.file?(path) && File.executable?(path) }
  end

  def openssl?
    return true if ENV["OPENSSL_DIR"] || RbConfig::CONFIG["host_os"].match?(/darwin/)

    system("pkg-config", "--exists", "openssl", out: File::NULL, err: File::NULL)
  end

  # clang-sys looks in these places as well.
  def libclang?
    return true if ENV["LIBCLANG_PATH"] || RbConfig::CONFIG["host_os"].match?(/darwin/)

    Dir.glob(%w[/usr/lib/llvm*/lib /usr/lib/*-linux-gnu /usr/lib64 /usr/lib /usr/local/lib]
      .map { |dir| "#{dir}/libclang{.so,-*.so}*" }).any?
  end
end

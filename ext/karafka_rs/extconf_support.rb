# frozen_string_literal: true

require "open3"
require "rbconfig"

# What extconf.rb needs to know about this machine. Plain Ruby, because nothing of the gem is built yet.
module KarafkaRsBuild
  ROOT = File.expand_path("../..", __dir__)
  DARWIN = RbConfig::CONFIG["host_os"].match?(/darwin/)
  LIBRARY = DARWIN ? "libkarafka_rs.dylib" : "libkarafka_rs.so"
  # The oldest Rust that compiles it.
  RUST = File.read(File.join(ROOT, "Cargo.toml"))[/^rust-version = "(.+)"/, 1]

  # How packages are installed, and their names: of Debian and Ubuntu, Alpine, Fedora and Red Hat, macOS.
  COMMANDS = { debian: "apt-get install", alpine: "apk add", fedora: "dnf install", macos: "brew install" }.freeze
  PACKAGES = {
    "a C compiler and make" => { debian: "build-essential", alpine: "build-base", fedora: "gcc gcc-c++ make", macos: "gcc make" },
    "bash, which configures librdkafka" => { debian: "bash", alpine: "bash", fedora: "bash", macos: "bash" },
    "pkg-config" => { debian: "pkg-config", alpine: "pkgconf", fedora: "pkgconf-pkg-config", macos: "pkgconf" },
    "the OpenSSL headers" => { debian: "libssl-dev", alpine: "openssl-dev", fedora: "openssl-devel", macos: "openssl@3" },
    "libclang" => { debian: "libclang-dev clang", alpine: "clang-dev", fedora: "clang-devel", macos: "llvm" },
    "the Ruby headers" => { debian: "ruby-dev", alpine: "ruby-dev", fedora: "ruby-devel", macos: "ruby" },
    "the headers of libsasl2 (for --with-gssapi)" => { debian: "libsasl2-dev", alpine: "cyrus-sasl-dev", fedora: "cyrus-sasl-devel",
                                                       macos: "cyrus-sasl" }
  }.freeze

  module_function

  # @return [String, nil] why it cannot be built for this Ruby at all
  def unsupported(engine = RUBY_ENGINE, host_os = RbConfig::CONFIG["host_os"])
    names = { "jruby" => "JRuby", "truffleruby" => "TruffleRuby" }
    what = names[engine] || ("Windows" if host_os.match?(/mswin|mingw|cygwin/))
    return unless what

    "karafka-rs does not run on #{what}: its engine is a native extension for CRuby on Linux and macOS." \
      "#{" In WSL 2 it runs." if what == "Windows"}"
  end

  # @return [Array<String>] keys of PACKAGES that this machine lacks
  def missing_packages
    checks = {
      "a C compiler and make" => which("cc") && which("make"), "bash, which configures librdkafka" => which("bash"),
      "pkg-config" => which("pkg-config") || ENV.fetch("OPENSSL_DIR", nil), "libclang" => libclang?,
      "the OpenSSL headers" => features.include?("static") || openssl?,
      "the Ruby headers" => File.exist?(File.join(RbConfig::CONFIG["rubyhdrdir"], "ruby.h")),
      "the headers of libsasl2 (for --with-gssapi)" => !features.include?("gssapi") || sasl?
    }
    checks.reject { |_, found| found }.keys
  end

  # @param arguments [Array<String>] what follows `--` of `gem install`
  # @return [Array<String>] features of the crate that were asked for: Kerberos, or OpenSSL and zlib compiled in
  def features(arguments = ARGV)
    %w[gssapi static].select { |name| arguments.include?("--with-#{name}") }
  end

  # @return [String, nil] what is wrong with Rust here
  def rust_problem
    return "Rust: there is no cargo in PATH or ~/.cargo/bin. Install Rust #{RUST} or later: https://rustup.rs" unless cargo

    # A proxy of rustup must not download a toolchain for a question.
    output, status = Open3.capture2e({ "RUSTUP_AUTO_INSTALL" => "0" }, cargo, "--version")
    version = output[/\Acargo (\d+\.\d+(?:\.\d+)?)/, 1]
    if !status.success? || version.nil?
      "Rust: #{cargo} does not work: #{output.lines.first.to_s.strip} Where it is rustup's, choose a toolchain: rustup default stable"
    elsif Gem::Version.new(version) < Gem::Version.new(RUST)
      "Rust: #{cargo} is #{version}, and #{RUST} or later is needed. Update it (rustup update), or install Rust from https://rustup.rs: " \
        "a distribution's may be too old"
    end
  end

  # @param missing [Array<String>] keys of PACKAGES
  # @param rust [String, nil]
  # @param system [Symbol, nil] one of COMMANDS; nil: unknown
  # @return [String] what is missing and how to install it
  def explain(missing, rust, system = package_system)
    lines = missing.map { |name| "  #{name}" }
    lines << "  #{rust}" if rust
    known = system ? { system => COMMANDS.fetch(system) } : COMMANDS
    unless missing.empty?
      lines << "Install it:"
      lines += known.map { |name, command| "  #{"#{name}: " unless system}#{command} #{missing.map { |it| PACKAGES[it][name] }.join(" ")}" }
    end
    "karafka-rs is compiled at installation, and this machine lacks:\n#{lines.join("\n")}\nThen run the same command again."
  end

  # @return [Symbol, nil] one of COMMANDS
  def package_system(os_release = (File.read("/etc/os-release") if File.exist?("/etc/os-release")), darwin: DARWIN)
    return :macos if darwin

    names = os_release.to_s.scan(/^ID(?:_LIKE)?="?([^"\n]*)"?/).flat_map { |(value)| value.split }
    { "debian" => :debian, "ubuntu" => :debian, "alpine" => :alpine, "fedora" => :fedora, "rhel" => :fedora }
      .find { |name, _| names.include?(name) }&.last
  end

  # Without what only debuggers and profilers need, which is six sevenths of the library.
  def release_settings
    "export CARGO_PROFILE_RELEASE_STRIP = symbols\nexport CARGO_PROFILE_RELEASE_DEBUG = false\n"
  end

  # KARAFKA_RS_FEATURES names the cargo features that are built instead of the default ones; none of them is needed.
  # @return [Array<String>] of cargo
  def feature_arguments(features = ENV.fetch("KARAFKA_RS_FEATURES", nil))
    features ? ["--no-default-features", "--features", features] : []
  end

  # @return [String] a Makefile with the targets that RubyGems calls: all, install, clean
  def plain_makefile
    <<~MAKE
      # Written by extconf.rb.
      ROOT = #{ROOT}
      CARGO = #{cargo}
      TARGET_DIR = #{target_dir}
      FEATURES = #{[*feature_arguments, *features.flat_map { |name| ["--features", name] }].map { |it| "\"#{it}\"" }.join(" ")}
      LIBRARY = $(TARGET_DIR)/release/#{LIBRARY}
      sitearchdir = #{RbConfig::CONFIG["sitearchdir"]}
      DLEXT = #{RbConfig::CONFIG["DLEXT"]}
      # rb-sys asks this Ruby for its headers and flags.
      export RUBY = #{RbConfig.ruby}
      #{release_settings}
      all: $(LIBRARY)

      $(LIBRARY): FORCE
      \tcd "$(ROOT)" && CARGO_TARGET_DIR="$(TARGET_DIR)" "$(CARGO)" build --release --locked -p karafka_rs $(FEATURES)

      install: all
      \tmkdir -p "#{place}"
      \tcp "$(LIBRARY)" "#{place}/karafka_rs.$(DLEXT)"
      #{"\trm -rf \"$(TARGET_DIR)\"\n" if installed_as_gem? && !ENV["CARGO_TARGET_DIR"]}
      clean:

      distclean realclean: clean
      \trm -f Makefile

      .PHONY: all install clean distclean realclean FORCE
    MAKE
  end

  # RubyGems keeps whatever is put into sitearchdir twice, so a gem's library goes to where it is loaded from.
  def place
    installed_as_gem? ? "$(ROOT)/lib/karafka_rs" : "$(DESTDIR)$(sitearchdir)/karafka_rs"
  end

  # @return [String, nil]
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
    return true if ENV["OPENSSL_DIR"] || DARWIN

    !which("pkg-config").nil? && system("pkg-config", "--exists", "openssl", out: File::NULL, err: File::NULL)
  end

  def sasl?
    system("pkg-config", "--exists", "libsasl2", out: File::NULL, err: File::NULL) || File.exist?("/usr/include/sasl/sasl.h")
  end

  # clang-sys looks in these places as well.
  def libclang?
    return true if ENV["LIBCLANG_PATH"] || DARWIN

    Dir.glob(%w[/usr/lib/llvm*/lib /usr/lib/*-linux-gnu /usr/lib64 /usr/lib /usr/local/lib]
      .map { |dir| "#{dir}/libclang{.so,-*.so}*" }).any?
  end
end

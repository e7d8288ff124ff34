# frozen_string_literal: true

require "fileutils"
require "open3"
require "rbconfig"
require_relative "../../../ext/karafka_rs/extconf_support"

# What `gem install` says where something is missing: with stand-ins for the tools, and nothing else in PATH.
RSpec.describe "ext/karafka_rs/extconf.rb" do
  let(:directory) { File.realpath(Dir.mktmpdir) }
  # Also where the gem rb_sys is installed, which writes another Makefile.
  let(:plain) { { KARAFKA_RS_PLAIN_MAKEFILE: "1" } }
  let(:headers) { File.exist?(File.join(RbConfig::CONFIG["rubyhdrdir"], "ruby.h")) }

  after { FileUtils.rm_rf(directory) }

  def tool(name, script = "exit 0", place: "bin")
    file = File.join(directory, place, name)
    FileUtils.mkdir_p(File.dirname(file))
    File.write(file, "#!/bin/sh\n#{script}\n")
    File.chmod(0o755, file)
  end

  def tools(*without, cargo: "echo 'cargo 1.90.0 (abc 2025-01-01)'")
    (%w[cc make bash pkg-config] - without).each { |name| tool(name) }
    tool("cargo", cargo) unless without.include?("cargo")
  end

  # @return [Array(String, Boolean)]
  def extconf(*arguments, **env)
    neutral = %w[CARGO_TARGET_DIR OPENSSL_DIR RUBYOPT BUNDLE_GEMFILE RUBYLIB].to_h { |name| [name, nil] }
    all = { **neutral, "PATH" => "#{directory}/bin", "HOME" => directory, "LIBCLANG_PATH" => directory, **env.transform_keys(&:to_s) }
    output, status = Open3.capture2e(all, RbConfig.ruby, File.expand_path("../../../ext/karafka_rs/extconf.rb", __dir__), *arguments,
                                     chdir: directory)
    [output, status.success?]
  end

  before { skip "the headers of Ruby are not installed" unless headers }

  it "writes a Makefile that strips, and says how long it takes" do
    tools
    output, success = extconf(**plain)
    expect([output, success]).to match([/compiling Rust, 2 to 5 minutes; needs the network/, true])
    expect(File.read("#{directory}/Makefile"))
      .to include("CARGO = #{directory}/bin/cargo\n", "export CARGO_PROFILE_RELEASE_STRIP = symbols\n", "--locked")
  end

  it "builds all features, or those that KARAFKA_RS_FEATURES names" do
    expect(KarafkaRsBuild.feature_arguments(nil)).to eq([])
    expect(KarafkaRsBuild.feature_arguments("")).to eq(["--no-default-features", "--features", ""])
  end

  it "takes a cargo that is not in PATH, and lets nothing download one" do
    tools("cargo")
    tool("cargo", "echo 'cargo 1.85.0'", place: ".cargo/bin")
    # As rb_sys does where it finds no cargo.
    FileUtils.mkdir_p("#{directory}/lib/rb_sys")
    File.write("#{directory}/lib/rb_sys/mkmf.rb", "abort 'downloading a toolchain'")
    expect(extconf(RUBYLIB: "#{directory}/lib")).to match([/creating Makefile \(plain/, true])
    expect(File.read("#{directory}/Makefile")).to include("CARGO = #{directory}/.cargo/bin/cargo\n")
  end

  it "says that cargo is missing, too old, or has no toolchain" do
    tools("cargo")
    expect(extconf).to match([/lacks:.*there is no cargo in PATH or .*Install Rust 1\.85 or later: .*rustup/m, false])
    tools(cargo: "echo 'cargo 1.65.0'")
    expect(extconf).to match([/bin.cargo is 1\.65\.0, and 1\.85 or later is needed.*rustup update/, false])
    tools(cargo: "echo 'error: rustup could not choose a version of cargo to run' >&2; exit 1")
    expect(extconf).to match([/does not work: error: rustup could not choose .*rustup default stable/, false])
    expect(File.exist?("#{directory}/Makefile")).to be(false)
  end

  it "names everything that is missing at once, with the packages" do
    tools("cc", "pkg-config", "bash")
    output, success = extconf
    expect(success).to be(false)
    expect(output).to include("a C compiler and make", "bash", "pkg-config", "the OpenSSL headers")
    expect(output).not_to include("libclang\n")
  end

  it "compiles Kerberos in where that is asked for, and says which headers it needs" do
    tools("pkg-config")
    tool("pkg-config", "[ \"$2\" = openssl ]")
    without = File.exist?("/usr/include/sasl/sasl.h") ? [/creating Makefile/, true] : [/libsasl2 .*(libsasl2-dev|cyrus-sasl)/m, false]
    expect(extconf("--with-gssapi", **plain)).to match(without)
    tool("pkg-config")
    expect(extconf("--with-gssapi", **plain).last).to be(true)
    expect(File.read("#{directory}/Makefile")).to include("FEATURES = \"--features\" \"gssapi\"\n")
    expect(extconf(**plain).last).to be(true)
    expect(File.read("#{directory}/Makefile")).to match(/^FEATURES = *$/)
  end

  describe KarafkaRsBuild do
    it "names the packages of Debian, Alpine, Fedora and macOS, and all of them elsewhere" do
      missing = ["the OpenSSL headers", "libclang"]
      expect(described_class.explain(missing, nil, :debian)).to include("apt-get install libssl-dev libclang-dev clang")
      expect(described_class.explain(missing, nil, :alpine)).to include("apk add openssl-dev clang-dev")
      expect(described_class.explain(missing, nil, :fedora)).to include("dnf install openssl-devel clang-devel")
      expect(described_class.explain(missing, nil, :macos)).to include("brew install openssl@3 llvm")
      expect(described_class.explain(missing, nil, nil)).to include("debian: apt-get", "alpine: apk add", "fedora: dnf", "macos: brew")
      expect(described_class::PACKAGES.values.map(&:keys)).to all(eq(described_class::COMMANDS.keys))
    end

    it "sees which system it is" do
      systems = { "ID=ubuntu\nID_LIKE=debian\n" => :debian, "ID=alpine\n" => :alpine, "ID=arch\n" => nil, nil => nil,
                  "ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n" => :fedora }
      systems.each { |text, system| expect(described_class.package_system(text, darwin: false)).to eq(system) }
      expect(described_class.package_system("", darwin: true)).to eq(:macos)
    end

    it "refuses JRuby, TruffleRuby and Windows by name" do
      expect(described_class.unsupported("jruby", "linux")).to match(/does not run on JRuby/)
      expect(described_class.unsupported("truffleruby", "linux")).to match(/TruffleRuby/)
      expect(described_class.unsupported("ruby", "mingw32")).to match(/Windows.*WSL 2/)
      expect([described_class.unsupported("ruby", "linux-gnu"), described_class.unsupported("ruby", "darwin23")]).to eq([nil, nil])
    end
  end
end

# frozen_string_literal: true

# A platform that gems are precompiled for on a Linux machine, as RubyGems calls it, and what the compilers call it.
Platform = Struct.new(:name, :rust, :zig, :debian, :loader, keyword_init: true) do
  # @param name [String] such as "x86_64-linux"
  # @return [Platform]
  def self.fetch(name)
    self::ALL.find { |platform| platform.name == name } ||
      abort("unknown platform #{name.inspect}; there are #{self::ALL.map(&:name).join(", ")}")
  end

  # @return [Boolean]
  def musl? = name.end_with?("musl")

  # @return [Boolean] whether this machine runs it without emulation
  def native? = name.start_with?(RbConfig::CONFIG["host_cpu"])

  # Rust links its musl into everything, but an extension shares that of its Ruby.
  # @return [Array<String>] for rustc
  def rust_flags = musl? ? ["-C", "target-feature=-crt-static"] : []

  # @return [Array<String>] libraries that an extension may need of the system
  def libraries
    return ["libc.so"] if musl?

    %w[libc.so.6 libm.so.6 libpthread.so.0 libdl.so.2 librt.so.1 libutil.so.1 libresolv.so.2] + [loader]
  end
end

# The oldest glibc that Rust's own library runs with: that of Red Hat 7. Every Debian and Ubuntu of the last ten years has a later one.
Platform::GLIBC = "2.17"
# The minor versions of Ruby that Debian has packages of, and the releases that have them.
Platform::RUBIES = { "3.1" => "bookworm", "3.3" => "trixie", "3.4" => "experimental" }.freeze
Platform::ALL = [
  Platform.new(name: "x86_64-linux", rust: "x86_64-unknown-linux-gnu", zig: "x86_64-linux-gnu.#{Platform::GLIBC}",
               debian: "amd64", loader: "ld-linux-x86-64.so.2"),
  Platform.new(name: "aarch64-linux", rust: "aarch64-unknown-linux-gnu", zig: "aarch64-linux-gnu.#{Platform::GLIBC}",
               debian: "arm64", loader: "ld-linux-aarch64.so.1"),
  Platform.new(name: "x86_64-linux-musl", rust: "x86_64-unknown-linux-musl", zig: "x86_64-linux-musl", debian: "amd64"),
  Platform.new(name: "aarch64-linux-musl", rust: "aarch64-unknown-linux-musl", zig: "aarch64-linux-musl", debian: "arm64")
].freeze

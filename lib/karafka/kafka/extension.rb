# frozen_string_literal: true

require "rbconfig"

module Karafka
  # Which compiled extension this Ruby takes: of a precompiled gem the one in `karafka_rs/3.3/`, of a gem that was compiled here
  # the only one there is. And what to do where none fits.
  class Extension
    # Holds the platform that a precompiled gem was built for, such as "x86_64-linux".
    PLATFORM_FILE = "platform"
    private_constant :PLATFORM_FILE

    # @param directory [String] where the extensions are
    # @param ruby [String] version of this Ruby
    # @param host [String] the system that this Ruby was built for, such as "linux-gnu" or "linux-musl"
    # @param arch [String]
    def initialize(directory: File.expand_path("../../karafka_rs", __dir__), ruby: RUBY_VERSION,
                   host: RbConfig::CONFIG["host_os"], arch: RUBY_PLATFORM)
      @directory = directory
      @ruby = ruby
      @minor = ruby[/\A\d+\.\d+/]
      @host = host
      @arch = arch
    end

    # Loads it, which defines Karafka::Native.
    # @return [void]
    # @raise [Errors::ExtensionMissingError]
    def load
      # Before anything is mapped: with a layer like gcompat it would load, and crash later.
      raise Errors::ExtensionMissingError, wrong_libc if wrong_libc?

      require path
    rescue LoadError => e
      raise Errors::ExtensionMissingError, advice(e)
    end

    # @return [String] for `require`
    def path
      precompiled.include?(@minor) ? "#{@directory}/#{@minor}/karafka_rs" : "karafka_rs/karafka_rs"
    end

    # @return [Array<String>] minor versions of Ruby that the gem has an extension for; empty where it was compiled here
    def precompiled
      Dir.children(@directory).grep(/\A\d+\.\d+\z/).sort_by { |minor| Gem::Version.new(minor) }
    rescue SystemCallError
      []
    end

    private

    # @return [String, nil]
    def platform
      File.read(File.join(@directory, PLATFORM_FILE)).strip
    rescue SystemCallError
      nil
    end

    def wrong_libc?
      built = platform or return false

      built.include?("linux") && built.end_with?("musl") != musl?
    end

    def musl? = @host.include?("musl")

    # RubyGems before 3.3.22 takes one for the other.
    def wrong_libc
      libcs = ["glibc", "musl (Alpine)"]
      libcs.reverse! unless musl?
      "this is the precompiled karafka-rs #{VERSION} for #{platform}, which needs #{libcs.first}, and this Ruby #{@ruby} (#{@arch}) runs " \
        "on #{libcs.last}. RubyGems before 3.3.22 doesn't tell them apart: update it (gem update --system) and install the gem again, " \
        "or #{compile_it}."
    end

    def advice(error)
      return incomplete(error) if precompiled.empty?

      if precompiled.include?(@minor)
        return "the precompiled extension of karafka-rs #{VERSION} for #{platform} and Ruby #{@minor} cannot be loaded on this Ruby " \
               "#{@ruby} (#{@arch}): #{error.message}. To take another one, #{compile_it}."
      end

      "the precompiled karafka-rs #{VERSION} for #{platform} has extensions for Ruby #{precompiled.join(", ")}, and this is Ruby " \
        "#{@ruby} (#{@arch}). Use one of those, or #{compile_it}."
    end

    def incomplete(error)
      "the compiled extension of karafka-rs cannot be loaded on this Ruby #{@ruby} (#{@arch}): #{error.message}. In a checkout run " \
        "`rake compile`; otherwise reinstall the gem: `gem pristine karafka-rs`."
    end

    def compile_it
      "compile it for this Ruby: `gem install karafka-rs --platform ruby`, in a Gemfile `gem \"karafka-rs\", force_ruby_platform: true`"
    end
  end
end

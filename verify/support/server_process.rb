# frozen_string_literal: true

require "rbconfig"

module Verify
  # `karafka server` in a process of its own, with a boot file instead of an application.
  module ServerProcess
    ROOT = File.expand_path("../..", __dir__)

    class << self
      # @param boot_file [String]
      # @param env [Hash{String=>String}] what the boot file reads
      # @param log [String] file to which all is appended that it prints
      # @param command [String]
      # @return [Integer] process id
      def start(boot_file, env, log:, command: "server")
        all = { "KARAFKA_BOOT_FILE" => boot_file, "KARAFKA_ENV" => "test", "BUNDLE_GEMFILE" => nil, **env }
        Process.spawn(all, RbConfig.ruby, "-I#{ROOT}/lib", "#{ROOT}/exe/karafka", command,
                      chdir: File.dirname(log), in: File::NULL, out: [log, "a"], err: %i[child out])
      end

      # @param pid [Integer]
      # @return [void]
      def kill(pid)
        Process.kill(:KILL, pid)
        Process.wait(pid)
      rescue Errno::ESRCH, Errno::ECHILD
        nil # it has ended
      end
    end
  end
end

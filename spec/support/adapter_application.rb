# frozen_string_literal: true

require "fileutils"
require "open3"
require "rbconfig"
require "tmpdir"
require "support/wait"

# An application that was written for another library, with its files in a directory of its own, and its commands as processes.
module AdapterApplication
  ROOT = File.expand_path("../..", __dir__)
  SECONDS = 60

  # The directory, and what runs there.
  class Application
    include Wait

    # What the suite's own process has must not reach them.
    CLEAN = %w[BUNDLE_GEMFILE RUBYOPT KARAFKA_ENV RAILS_ENV RACK_ENV].to_h { |name| [name, nil] }.freeze

    # How each command begins; `karafka install --racecar` and `--phobos` write the same.
    COMMANDS = {
      "racecar" => 'require "karafka/compat/racecar"; Racecar::Cli.main(ARGV)',
      "racecarctl" => 'require "karafka/compat/racecar"; Racecar::Ctl.main(ARGV)',
      "phobos" => 'require "karafka/compat/phobos"; Phobos::CLI.main(ARGV)',
      "karafka" => 'require "karafka"; exit Karafka::Cli.run(ARGV)',
      "ruby" => "load ARGV.fetch(0)"
    }.freeze

    # @return [String]
    attr_reader :dir
    # @return [Integer]
    attr_reader :pid

    def initialize(files, env = {})
      @dir = File.realpath(Dir.mktmpdir("adapter"))
      @env = CLEAN.merge("OUTPUT" => path("output")).merge(env)
      files.each { |name, text| write(name, text) }
      @pids = []
    end

    def path(name) = File.join(@dir, name)

    def write(name, text)
      FileUtils.mkdir_p(File.dirname(path(name)))
      File.write(path(name), text)
    end

    def read(name) = File.exist?(path(name)) ? File.read(path(name)) : ""

    # Runs a command to its end.
    # @return [Array(String, Process::Status)] both outputs
    def run(command, *arguments, env: {})
      Open3.capture2e(@env.merge(env), "timeout", SECONDS.to_s, *line(command), *arguments, chdir: @dir)
    end

    # Starts a command.
    # @return [self]
    def start(command, *arguments, env: {})
      @pid = Process.spawn(@env.merge(env), *line(command), *arguments, chdir: @dir, out: path("stdout"), err: %i[child out],
                                                                        in: File::NULL)
      @pids << @pid
      self
    end

    def signal(name) = Process.kill(name, @pid)

    # @return [Integer] exit status
    def wait(seconds: Wait::LONG)
      status = wait_for_exit(@pid, seconds: seconds)
      @pids.delete(@pid)
      status.exitstatus || -status.termsig
    rescue Wait::DeadlineError => e
      @pids.delete(@pid)
      raise e.class, "#{e.message}\n#{read("stdout")}"
    end

    # @return [Integer] exit status
    def stop(name = "TERM")
      signal(name)
      wait
    end

    # Whole lines of what the application wrote to ENV["OUTPUT"].
    def output
      read("output").lines.select { |line| line.end_with?("\n") }.map(&:chomp)
    end

    # @yieldparam output [Array<String>]
    def wait_for_output(what = "output")
      wait_until(what) { yield(output) || (gone? && !yield(output) && raise(Wait::DeadlineError, "the process has ended before #{what}")) }
    rescue Wait::DeadlineError => e
      raise e.class, "#{e.message}, which is #{output.last(10)}\n#{read("stdout")}"
    end

    def wait_for_log(pattern)
      wait_until(pattern.inspect) { read("stdout").match(pattern) }
    rescue Wait::DeadlineError => e
      raise e.class, "#{e.message} in\n#{read("stdout")}"
    end

    def close
      @pids.each do |pid|
        Process.kill(:KILL, pid)
        Process.wait(pid)
      rescue Errno::ESRCH, Errno::ECHILD
        nil # It has ended.
      end
      FileUtils.rm_rf(@dir)
    end

    private

    # It has ended, and nobody has waited for it yet. One in the background is another process.
    def gone?
      !@pid.nil? && @pids.include?(@pid) && File.read("/proc/#{@pid}/stat").match?(/\) Z/)
    rescue Errno::ENOENT
      true
    end

    def line(command)
      [RbConfig.ruby, "-I", File.join(ROOT, "lib"), "-e", "$stdout.sync = true; #{COMMANDS.fetch(command)}", "--"]
    end
  end

  # @param files [Hash{String=>String}] text by path
  # @yieldparam app [Application]
  def application(files = {}, env = {})
    app = Application.new(files, env)
    return app unless block_given?

    begin
      yield app
    ensure
      app.close
    end
  end
end

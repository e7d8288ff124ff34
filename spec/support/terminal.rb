# frozen_string_literal: true

require "fileutils"
require "open3"
require "tmpdir"
require "support/wait"

# Lines as a user types them into a shell, in one directory: those that end, and those that stay until the close.
class Terminal
  include Wait

  # A line failed.
  class Error < StandardError; end

  # A line that stays.
  Staying = Struct.new(:pid, :log_path) do
    def log = File.exist?(log_path) ? File.read(log_path) : ""
  end

  # Whatever the shell of the suite is set to.
  NEUTRAL = %w[RAILS_ENV RACK_ENV KARAFKA_ENV KARAFKA_BROKERS KAFKA_BROKERS BUNDLE_GEMFILE BUNDLER_SETUP RUBYOPT RUBYLIB]
            .to_h { |name| [name, nil] }.freeze

  # @param dir [String]
  # @param env [Hash{String=>String, nil}]
  def initialize(dir, env = {})
    @dir = dir
    @logs = Dir.mktmpdir("karafka-terminal")
    @env = { **NEUTRAL, "HOME" => @logs, "BUNDLE_SILENCE_ROOT_WARNING" => "1", **env }
    @staying = []
    @started = 0
  end

  # @return [String] what the line printed
  # @raise [Error] it failed, unless that is expected
  def run(line, seconds: 120, fails: false)
    output, status = Open3.capture2e(@env, "timeout", "-k", "5", seconds.to_s, "sh", "-c", line, chdir: @dir)
    raise Error, "#{line}: exit status #{status.exitstatus}\n#{output}" if status.success? == fails

    output
  end

  # @param line [String] one command: the shell becomes it, so that a signal is for it alone
  # @return [Staying]
  def start(line)
    line = line.sub(/\A(?:\w+=(?:\$\([^)]*\)|\S)* )*/, '\0exec ') unless line.start_with?("exec ")
    log = File.join(@logs, "#{@started += 1}.log")
    # A group of its own: a shell may have children.
    pid = Process.spawn(@env, "sh", "-c", line, chdir: @dir, out: log, err: %i[child out], in: File::NULL, pgroup: true)
    @staying << Staying.new(pid, log)
    @staying.last
  end

  # Ends what stays, as Ctrl-C does, and waits for it.
  # @return [Process::Status]
  def stop(staying, signal: :INT, seconds: LONG)
    @staying.delete(staying)
    Process.kill(signal, -staying.pid)
    wait_for_exit(staying.pid, seconds: seconds)
  rescue DeadlineError => e
    raise e.class, "#{e.message}\n#{staying.log}"
  end

  # @return [MatchData]
  def wait_for_log(staying, pattern, seconds: LONG * 2)
    wait_until(pattern.inspect, seconds: seconds) { staying.log.match(pattern) }
  rescue DeadlineError => e
    raise e.class, "#{e.message} in:\n#{staying.log}"
  end

  def logs = @staying.map(&:log).join("\n")

  # Ends whatever still stays.
  def stop_all
    @staying.each do |staying|
      Process.kill(:KILL, -staying.pid)
      Process.wait(staying.pid)
    rescue SystemCallError
      nil # It has ended before.
    end
    @staying.clear
  end

  def close
    stop_all
    FileUtils.rm_rf(@logs)
  end
end

# frozen_string_literal: true

require "rbconfig"
require "tmpdir"
require "support/wait"

# `karafka server` on an application, as a process of its own.
class ServerProcess
  include Wait

  ROOT = File.expand_path("../..", __dir__)

  attr_reader :pid, :status

  # @param boot [String] text of karafka.rb, or a directory that has one
  # @param env [Hash{String=>String}]
  def initialize(boot, env = {})
    @dir = Dir.mktmpdir("karafka")
    @env = { "KARAFKA_ENV" => "test", "KARAFKA_LOG_LEVEL" => "info", "BUNDLE_GEMFILE" => nil, "APP_OUTPUT" => output_path }.merge(env)
    @app = File.directory?(boot) ? boot : @dir
    File.write(File.join(@dir, "karafka.rb"), boot) unless @app == boot
    @log = File.join(@dir, "log")
  end

  def start(*command)
    command = ["server"] if command.empty?
    @pid = Process.spawn(
      @env, RbConfig.ruby, "-I", "#{ROOT}/lib", "#{ROOT}/exe/karafka", *command, chdir: @app, out: @log, err: %i[child out], in: File::NULL
    )
    self
  end

  def signal(name) = Process.kill(name, @pid)

  # @return [Integer] exit status
  def wait(seconds: Wait::LONG)
    @status ||= wait_for_exit(@pid, seconds: seconds)
    @status.exitstatus || -@status.termsig
  rescue Wait::DeadlineError => e
    raise e.class, "#{e.message}\n#{log}"
  end

  def log = File.exist?(@log) ? File.read(@log) : ""

  # @return [Array<String>] lines that are complete: it may be writing one
  def output
    return [] unless File.exist?(output_path)

    File.readlines(output_path).take_while { |line| line.end_with?("\n") }.map(&:chomp)
  end

  def output_path = File.join(@dir, "output")

  # @return [MatchData]
  def wait_for_log(pattern, seconds: Wait::LONG)
    wait_until(pattern.inspect, seconds: seconds) { log.match(pattern) }
  rescue Wait::DeadlineError => e
    raise e.class, "#{e.message} in:\n#{log}"
  end

  def wait_for_output(seconds: Wait::LONG, &block)
    wait_until("output", seconds: seconds) { block.call(output) }
  rescue Wait::DeadlineError => e
    raise e.class, "#{e.message}, there is: #{output.last(5)}\n#{log}"
  end

  def close
    unless @status || @pid.nil?
      Process.kill(:KILL, @pid)
      Process.wait(@pid)
    end
  rescue Errno::ESRCH, Errno::ECHILD
    nil # A wait in vain has ended it.
  ensure
    FileUtils.rm_rf(@dir)
  end
end

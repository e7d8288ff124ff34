# frozen_string_literal: true

require "rbconfig"
require "tmpdir"
require "support/wait"

# A script of examples/ as a process of its own, as its README starts it.
class ExampleProcess
  include Wait

  ROOT = File.expand_path("../..", __dir__)

  attr_reader :pid

  # @param script [String] below examples/
  # @param arguments [Array<String>]
  # @param required [String] what `-r` names
  # @param env [Hash{String=>String}]
  def initialize(script, *arguments, required:, env: {})
    @dir = Dir.mktmpdir("example")
    command = [RbConfig.ruby, "-I#{ROOT}/lib", "-r", required, File.join(ROOT, "examples", script), *arguments.map(&:to_s)]
    @pid = Process.spawn({ "BUNDLE_GEMFILE" => nil, "RUBYOPT" => nil, **env }, *command, out: file("out"), err: file("err"), in: File::NULL)
  end

  def signal(name) = Process.kill(name, pid)

  # @return [Integer] exit status
  def wait
    @status ||= wait_for_exit(pid)
    @status.exitstatus || -@status.termsig
  rescue Wait::DeadlineError => e
    raise e.class, "#{e.message}\n#{errors}"
  end

  # @return [Array<String>]
  def output = File.exist?(file("out")) ? File.readlines(file("out"), chomp: true) : []

  # @return [String]
  def errors = File.exist?(file("err")) ? File.read(file("err")) : ""

  def close
    signal(:KILL) && Process.wait(pid) unless @status
  rescue Errno::ESRCH, Errno::ECHILD
    nil # It has ended by itself.
  ensure
    FileUtils.rm_rf(@dir)
  end

  private

  def file(name) = File.join(@dir, name)
end

# frozen_string_literal: true

require "rbconfig"
require "tmpdir"
require_relative "../../spec_helper"
require_relative "../../../verify/consume/run"

# What `rake verify:consume` says of members whose partitions nobody commits.
RSpec.describe Consume::Stuck do
  around do |example|
    Dir.mktmpdir do |dir|
      @dir = dir
      example.run
    ensure
      @pids&.each do |pid|
        Process.kill(:KILL, pid)
        Process.wait(pid)
      end
    end
  end

  # A process that answers TTIN as a server does.
  def member(id, *journal)
    log = File.join(@dir, "log-#{id}")
    File.write(log, "first line of #{id}\n")
    program = 'trap("TTIN") { puts "Engine {state}" }; puts "ready"; $stdout.flush; sleep'
    pid = Process.spawn(RbConfig.ruby, "-e", "$stdout.sync = true; #{program}", out: [log, "a"])
    (@pids ||= []) << pid
    deadline = Process.clock_gettime(Process::CLOCK_MONOTONIC) + 20
    Thread.pass until File.read(log).include?("ready") || Process.clock_gettime(Process::CLOCK_MONOTONIC) > deadline
    path = File.join(@dir, "journal-#{id}")
    File.write(path, journal.map { |line| "#{line}\n" }.join)
    Consume::Fleet::Incarnation.new(id: id, member: id, pid: pid, journal: path, log: log)
  end

  it "names who holds them, with the end of the log and the state of the engine" do
    members = [member(0, "A 1 t/0 t/1", "R 2 t/0 t/1", "A 3 t/1"), member(1, "A 1 t/0", "P 2 t 0 5 k:1")]

    expect(described_class.new(members).describe(%w[t/0 t/2])).to match(
      ["held by no member: t/2", %r{\Amember 1 holds t/0\. .*log-1.*  first line of 1\n  ready\n  Engine \{state\}\z}m]
    )
  end
end

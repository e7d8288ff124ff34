# frozen_string_literal: true

require "json"

# Stands for the operating system where a spec is about what a supervisor decides: nothing is forked, the clock stands still.
class FakeProcesses
  Ended = Struct.new(:exitstatus, :termsig) do
    def to_s = "pid 1 #{termsig ? "SIG#{Signal.signame(termsig)} (signal #{termsig})" : "exit #{exitstatus}"}"
  end

  # @return [Array<Array(Symbol, Integer)>] what was done to which process
  attr_reader :signals
  # @return [Float] seconds
  attr_accessor :now
  # @return [Boolean] whether no process can be made
  attr_accessor :full
  # @return [Hash{Integer=>Integer}] MB
  attr_reader :memories

  def initialize
    @now = 1_000.0
    @last = 100
    @pipes = {}
    @ends = {}
    @reaped = []
    @signals = []
    @memories = {}
  end

  def fork
    raise Errno::EAGAIN if @full

    pid = @last += 1
    reader, @pipes[pid] = IO.pipe
    [pid, reader]
  end

  # Asked for once: then it is reaped.
  def ended(pid)
    raise "process #{pid} was reaped" if @reaped.include?(pid)

    @ends[pid].tap { |status| @reaped << pid if status }
  end

  def memory(pid) = @memories[pid]

  def signal(name, pid)
    raise "process #{pid} was reaped" if @reaped.include?(pid)

    @signals << [name, pid]
  end

  # What a node says of itself.
  def beat(pid, **health)
    @ends[pid] || @pipes.fetch(pid).puts(JSON.generate({ state: "running", joined: true, poll_age_ms: 5, overdue: nil, **health }))
  end

  def write(pid, text) = @pipes.fetch(pid).write(text)

  # The process ends.
  def end(pid, status: nil, signal: nil)
    @pipes.fetch(pid).close
    @ends[pid] = Ended.new(status, signal && Signal.list.fetch(signal.to_s))
  end
end

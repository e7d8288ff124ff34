# frozen_string_literal: true

require "json"
require "support/gc_stress"
require "support/native_config"
require "support/wait"

# In a forked process: without its parent such a process is ended.
RSpec.describe "Karafka::Native::Heartbeat" do
  include NativeConfig
  include Wait

  let(:engine) { one_group("g", { "bootstrap.servers" => "127.0.0.1:1", "group.id" => "g" }, { name: "orders" }) }

  after do
    Process.kill(:KILL, @pid) if @pid && !Process.wait(@pid, Process::WNOHANG)
  rescue Errno::ECHILD
    nil # It has ended, as it should.
  end

  # @param stop_ms [Integer, nil] how long the process has, which then ignores TERM
  # @yieldparam heartbeat [Karafka::Native::Heartbeat] in the child, which then waits for its end
  # @return [Array(Integer, IO, IO)] its process id, what it says, what it lives on
  def start(stop_ms: nil)
    said, beats = IO.pipe
    lifeline, life = IO.pipe
    @pid = fork do
      life.close
      # Before anything is said: from then on the process may be asked to end.
      trap("TERM") { nil } if stop_ms
      heartbeat = Karafka::Native::Heartbeat.new([beats.fileno, lifeline.fileno], Process.ppid, 10, stop_ms, 3)
      [beats, lifeline].each(&:close)
      yield heartbeat if block_given?
      sleep
    end
    [beats, lifeline].each(&:close)
    [@pid, said, life]
  end

  def states(said, &)
    wait_until("a state") { JSON.parse(said.gets).then { |state| state if yield(state["state"]) } }
  end

  it "says that the process starts, then how its engine is, while it is collected and moved" do
    config = engine
    pid, said, life = start do |heartbeat|
      native = Karafka::Native::Engine.new(config)
      GC.stress = true
      heartbeat.watch(native)
      GC.stress = false
      native.start
      10.times { GC.start && GC.compact }
      native.stop
      native = nil # rubocop:disable Lint/UselessAssignment -- it may be collected
      GC.start
    end
    expect(JSON.parse(said.gets)).to eq("state" => "starting")
    state = states(said) { |name| %w[running stopping].include?(name) }
    expect(state.keys).to match_array(%w[state joined quiet poll_age_ms overdue])
    life.close
    expect(wait_for_exit(pid).termsig).to eq(Signal.list.fetch("TERM"))
  end

  it "ends a process that does not end by itself, though Ruby's lock is held" do
    pid, said, life = start(stop_ms: 100) do
      require "fiddle"
      wait = Fiddle::Function.new(Fiddle.dlopen(nil)["sleep"], [Fiddle::TYPE_INT], Fiddle::TYPE_INT, need_gvl: true)
      loop { wait.call(60) }
    end
    said.gets
    life.close
    expect(wait_for_exit(pid).exitstatus).to eq(3)
  end

  it "refuses what is no pipe" do
    expect { Karafka::Native::Heartbeat.new([-1, -1], Process.ppid, 10, nil, 3) }
      .to raise_error(Karafka::Errors::BaseError, /the pipe of the parent cannot be used/)
  end
end

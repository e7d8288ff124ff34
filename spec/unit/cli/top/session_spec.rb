# frozen_string_literal: true

require "spec_helper"
require "io/console"
require "pty"
require "rbconfig"
require "support/process_states"
require "support/state_server"
require "support/wait"

# The whole command on a terminal: a pseudo-terminal, and a stand-in for a process.
RSpec.describe "karafka top on a terminal" do
  include ProcessStates
  include Wait

  root = File.expand_path("../../../..", __dir__)

  def stuck(**others)
    topics = [topic("orders", [partition(0), partition(17, leases: [lease(372_000)])]), topic("mails")]
    state(topics: topics, workers: [busy_worker(3)], **others)
  end

  before do
    @server = StateServer.new(stuck)
    @shown = +""
    env = { "NO_COLOR" => "1", "TERM" => "xterm", "LANG" => "C.UTF-8" }
    @out, @in, @pid = PTY.spawn(env, RbConfig.ruby, "-I#{root}/lib", "#{root}/exe/karafka", "top", @server.address, "--interval", "0.05")
    @out.winsize = [30, 120]
  end

  after do
    Process.kill(:KILL, @pid) unless @ended
    Process.wait(@pid) unless @ended
    [@out, @in].each(&:close)
    @server.close
  end

  # What has come since the last one that was waited for.
  def wait_for(pattern)
    wait_until(pattern.inspect) do
      read
      @shown.dup.force_encoding(Encoding::UTF_8).scrub.match?(pattern)
    end
    @shown.slice!(0..).force_encoding(Encoding::UTF_8)
  rescue Wait::DeadlineError => e
    raise e.class, "#{e.message} in #{@shown.inspect}"
  end

  def read
    part = @out.read_nonblock(65_536, exception: false)
    @shown << part if part.is_a?(String)
    part
  rescue Errno::EIO
    nil # The other end is closed.
  end

  def ended
    status = wait_until("the end") do
      read
      Process.wait2(@pid, Process::WNOHANG)&.last
    end
    wait_until("the last of it") { !read.is_a?(String) }
    @ended = true
    status
  end

  closing = "\e[?25h\e[?1049l"

  it "shows the verdict, follows keys, sizes and the process, and leaves the terminal as it was", deadline: 240 do
    drawn = wait_for(/q quit/)
    expect(drawn).to start_with("\e[?1049h\e[?25l").and include("PROBLEM   orders/17 stuck 6 m 12 s: OrdersConsumer at app/consumers/")
    @in.write("p")
    expect(wait_for(/partitions \(3\).*q quit/m)).to include("orders/17", "mails/0")
    @in.write("/mails\r")
    expect(wait_for(/partitions \(1, with "mails"\).*q quit/m).split("partitions (1").last).not_to include("orders/17")
    @out.winsize = [10, 40]
    wait_for(/partitions \(1, with "mails"\).*….*\z/m)
    @out.winsize = [30, 120]
    @in.write("\e")
    wait_for(/partitions \(3\).*q quit/m)
    @in.write(" ")
    wait_for(/HELD: space goes on.*q quit/m)
    @server.answer = [503, "stops"]
    @in.write(" ")
    wait_for(/0 of 1 process answers.*NO ANSWER.*it answers 503: stops.*q quit/m)
    @server.answer = state(topics: [topic("orders")], process: { pid: 101 })
    wait_for(/no problem, 1 of 1 process answers.*q quit/m)
    @in.write("q")
    expect([ended.exitstatus, @shown]).to match([0, end_with(closing)])
  end

  it "leaves the terminal as it was when it is interrupted or terminated", deadline: 240 do
    wait_for(/q quit/)
    Process.kill(:TERM, @pid)
    expect(ended).to be_signaled.and have_attributes(termsig: 15)
    expect(@shown).to end_with(closing)
  end

  it "ends with Ctrl-C" do
    wait_for(/q quit/)
    @in.write("\u0003")
    expect([ended.exitstatus, @shown]).to match([0, end_with(closing)])
  end
end

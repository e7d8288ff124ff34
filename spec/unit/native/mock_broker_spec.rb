# frozen_string_literal: true

require "open3"
require "rbconfig"

RSpec.describe "Karafka::Native::MockBroker" do
  # A child, as a panic inside of a collection aborts the process, and what a cluster leaves behind stays until its end.
  program = <<~'RUBY'
    require "karafka"
    require "socket"

    def collect = ObjectSpace.each_object(Karafka::Native::MockBroker).count.tap { GC.start }
    # Nothing of it is left on the stack afterwards.
    def broker_address(depth = 100) = depth.zero? ? Karafka::Native::MockBroker.new(1).bootstrap_servers : broker_address(depth - 1)

    def open?(address)
      TCPSocket.new(*address.split(":")).close
      true
    rescue SystemCallError
      false
    end

    first = broker_address
    limits = Process.getrlimit(:AS)
    # Room for what others allocate meanwhile, and none for the 2 MB of a thread's stack.
    used = File.read("/proc/self/status")[/VmSize:\s+(\d+)/, 1].to_i * 1_024
    Process.setrlimit(:AS, used + 1_000_000, limits.last)
    collected = [collect, ObjectSpace.each_object(Karafka::Native::MockBroker).count]
    Process.setrlimit(:AS, *limits)
    second = broker_address
    collect
    deadline = Process.clock_gettime(Process::CLOCK_MONOTONIC) + 60
    Thread.pass while open?(second) && Process.clock_gettime(Process::CLOCK_MONOTONIC) < deadline
    p [collected, open?(first), open?(second)]
  RUBY

  it "survives its collection where no thread can be made, and is closed by one where it can" do
    output, status = Open3.capture2e(RbConfig.ruby, "-I", File.expand_path("../../../lib", __dir__), "-e", program)
    expect([output, status.success?]).to eq(["[[1, 0], true, false]\n", true])
  end
end

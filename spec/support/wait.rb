# frozen_string_literal: true

# Waits for a condition with a deadline: specs never sleep for a fixed time and never hang.
module Wait
  class DeadlineError < StandardError; end

  # Under GC.stress all takes longer. Used outside of the specs, too.
  PATIENCE = defined?(GCStress) ? GCStress.patience : 1

  # Longer than anything takes on a busy machine; only a failing spec waits it out.
  LONG = 60

  module_function

  # @param seconds [Numeric] deadline
  # @param what [String] said when it passes
  # @return [Object] the first truthy value of the block
  # @raise [DeadlineError]
  def wait_until(what = "the condition", seconds: LONG)
    deadline = Process.clock_gettime(Process::CLOCK_MONOTONIC) + (seconds * PATIENCE)
    loop do
      value = yield
      return value if value
      raise DeadlineError, "waited #{seconds} s for #{what}" if Process.clock_gettime(Process::CLOCK_MONOTONIC) > deadline

      sleep 0.005
    end
  end

  # How long something takes: the shortest of ten times, and of as many as fit into half a minute, as a busy machine makes any of
  # them long. Less than `target` is enough.
  # @param target [Numeric] seconds
  # @yieldreturn [Numeric] seconds it took
  # @return [Float] seconds
  def shortest(target)
    deadline = Process.clock_gettime(Process::CLOCK_MONOTONIC) + 30
    best = Float::INFINITY
    times = 0
    while best >= target && (times < 10 || Process.clock_gettime(Process::CLOCK_MONOTONIC) < deadline)
      best = [best, yield].min
      times += 1
    end
    best
  end

  # @param pid [Integer]
  # @return [Process::Status]
  def wait_for_exit(pid, seconds: LONG)
    wait_until("process #{pid} to end", seconds: seconds) { Process.wait2(pid, Process::WNOHANG)&.last }
  rescue DeadlineError
    Process.kill(:KILL, pid)
    Process.wait(pid)
    raise
  end
end

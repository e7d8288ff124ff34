# frozen_string_literal: true

# Waits for a condition with a deadline: specs never sleep for a fixed time and never hang.
module Wait
  class DeadlineError < StandardError; end

  # Under GC.stress all takes longer. Used outside of the specs, too.
  PATIENCE = defined?(GCStress) ? GCStress.patience : 1

  module_function

  # @param seconds [Numeric] deadline
  # @param what [String] said when it passes
  # @return [Object] the first truthy value of the block
  # @raise [DeadlineError]
  def wait_until(what = "the condition", seconds: 20)
    deadline = Process.clock_gettime(Process::CLOCK_MONOTONIC) + (seconds * PATIENCE)
    loop do
      value = yield
      return value if value
      raise DeadlineError, "waited #{seconds} s for #{what}" if Process.clock_gettime(Process::CLOCK_MONOTONIC) > deadline

      sleep 0.005
    end
  end

  # @param pid [Integer]
  # @return [Process::Status]
  def wait_for_exit(pid, seconds: 20)
    wait_until("process #{pid} to end", seconds: seconds) { Process.wait2(pid, Process::WNOHANG)&.last }
  rescue DeadlineError
    Process.kill(:KILL, pid)
    Process.wait(pid)
    raise
  end
end

# frozen_string_literal: true

module WaterDrop
  # Calls a block some time after it was armed, in a thread of its own that begins with the first {#arm}.
  class BufferTimer
    # @param interval_ms [Numeric]
    # @yield from the timer's thread; must not raise
    def initialize(interval_ms, &due)
      @interval = interval_ms / 1_000.0
      @due = due
      @lock = Mutex.new
      @changed = ConditionVariable.new
      @at = nil
      @stopped = false
    end

    # Starts to count, unless it counts already.
    # @return [void]
    def arm
      @lock.synchronize do
        next if @at || @stopped

        @at = now + @interval
        @thread = Thread.new { run }.tap { |thread| thread.name = "waterdrop.buffer" } unless @thread&.alive?
        @changed.signal
      end
    end

    # Counts no longer.
    # @return [void]
    def disarm
      @lock.synchronize { @at = nil }
    end

    # For ever. Waits for a block that runs just now.
    # @param timeout_ms [Numeric]
    # @return [void]
    def stop(timeout_ms)
      @lock.synchronize do
        @stopped = true
        @changed.signal
      end
      @thread.join([timeout_ms, 0].max / 1_000.0) if @thread && @thread != Thread.current
    end

    private

    def run
      @due.call while wait
    end

    # @return [Boolean] false: stopped
    def wait
      @lock.synchronize do
        loop do
          return false if @stopped

          left = @at && (@at - now)
          if left && left <= 0
            @at = nil
            return true
          end
          @changed.wait(@lock, left)
        end
      end
    end

    def now
      ::Process.clock_gettime(::Process::CLOCK_MONOTONIC)
    end
  end
  private_constant :BufferTimer
end

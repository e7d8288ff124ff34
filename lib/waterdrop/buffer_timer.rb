# frozen_string_literal: true

module WaterDrop
  # Calls a block some time after it was armed, in a thread of its own that begins with the first {#arm}.
  class BufferTimer
    # The thread ends after this long without anything to wait for, seconds: it would keep its producer.
    IDLE = 10
    private_constant :IDLE

    # @param interval_ms [Numeric]
    # @yield from the timer's thread; must not raise
    def initialize(interval_ms, &due)
      @interval = interval_ms / 1_000.0
      @due = due
      @lock = Lock.new
      @changed = ConditionVariable.new
      @at = nil
      @stopped = false
    end

    # Starts to count, unless it counts already.
    # @return [void]
    def arm
      @lock.synchronize do
        next if @stopped

        @at ||= Karafka::Clock.now + @interval
        begin_thread unless @lasting&.alive?
        @changed.signal
      end
    end

    # Counts no longer.
    # @return [void]
    def disarm
      @lock.synchronize { @at = nil }
    end

    # Forever. Waits for a block that runs just now.
    # @param timeout_ms [Numeric]
    # @return [void]
    def stop(timeout_ms)
      lasting = @lock.synchronize do
        @stopped = true
        @changed.signal
        @lasting
      end
      lasting&.join([timeout_ms, 0].max / 1_000.0)
    end

    private

    def begin_thread
      @lasting = Karafka::LastingThread.new("waterdrop.buffer", replaced: method(:replaced)) { @due.call while wait }.start
    end

    # A subscriber has ended the thread (Thread.exit). What is in the buffer has to be sent all the same.
    def replaced(error)
      warn "waterdrop: the thread of the buffer was ended by #{error.class}: #{error.message}; another one goes on" if error
      @lock.synchronize do
        @at ||= Karafka::Clock.now + @interval
        @changed.signal
      end
    end

    # @return [Boolean] false: stopped, or idle
    def wait
      @lock.synchronize do
        loop do
          return false if @stopped

          left = @at && (@at - Karafka::Clock.now)
          if left && left <= 0
            @at = nil
            return true
          end
          @changed.wait(@lock.mutex, left || IDLE)
          return @lasting = nil if left.nil? && @at.nil? && !@stopped
        end
      end
    end
  end
  private_constant :BufferTimer
end

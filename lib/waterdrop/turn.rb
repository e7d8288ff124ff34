# frozen_string_literal: true

module WaterDrop
  # Whose turn it is: one thread at a time. As a Mutex, and who waits can look whether that makes sense still.
  class Turn
    # How often who waits looks, seconds. The end of a turn wakes it.
    LOOK = 0.1
    private_constant :LOOK

    def initialize
      @turn = Mutex.new
      @lock = Mutex.new
      @over = ConditionVariable.new
      @waiting = 0
    end

    # @param look [#call] called again and again while another thread has it; raises where the wait is to end
    # @return [Object] what the block gives
    # @raise [ThreadError] in a trap
    def take(look)
      wait(look)
      yield
    ensure
      leave
    end

    # @return [Boolean] false: another thread has it
    def try_take
      @turn.try_lock
    end

    # Where this thread has it.
    # @return [void]
    def leave
      return unless mine?

      @turn.unlock
      @lock.synchronize { @over.signal } if @waiting.positive?
    end

    # @return [Boolean]
    def taken?
      @turn.locked?
    end

    # @return [Boolean]
    def mine?
      @turn.owned?
    end

    private

    def wait(look)
      @lock.synchronize { @waiting += 1 }
      until @turn.try_lock
        look.call
        @lock.synchronize { @over.wait(@lock, LOOK) if @turn.locked? }
      end
    ensure
      @lock.synchronize { @waiting -= 1 }
    end
  end
  private_constant :Turn
end

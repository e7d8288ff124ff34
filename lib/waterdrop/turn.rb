# frozen_string_literal: true

module WaterDrop
  # Whose turn it is: one thread at a time, first come, first served. As a Mutex, and a thread that waits can look whether
  # that still makes sense.
  class Turn
    # How often a waiting thread looks, seconds. The end of a turn wakes the next one.
    LOOK = 0.1
    private_constant :LOOK

    def initialize
      @turn = Mutex.new
      @lock = Mutex.new
      # One condition variable for each thread that waits, in their order.
      @waiting = []
    end

    # @param look [#call] called again and again while another thread has it; raises where the wait is to end
    # @return [Object] what the block gives
    # @raise [ThreadError] in a trap
    def take(look)
      wait { look.call && false }
      yield
    ensure
      leave
    end

    # To be ended by {#leave}, which does nothing where this thread has not got it.
    # @param deadline_ms [Float] of {Karafka::Clock.now_ms}
    # @return [Boolean] false: the time has passed
    def take_until(deadline_ms)
      wait { Karafka::Clock.now_ms >= deadline_ms }
    end

    # @return [Boolean] false: another thread has it, or waits for it
    def try_take
      @waiting.empty? && @turn.try_lock
    end

    # Where this thread has it.
    # @return [void]
    def leave
      return unless mine?

      @turn.unlock
      wake_next
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

    # @yieldreturn [Boolean] true: it waits no longer
    # @return [Boolean] whether it is this thread's turn
    def wait
      place = ConditionVariable.new
      @lock.synchronize { @waiting << place }
      until first?(place) && @turn.try_lock
        return false if yield

        @lock.synchronize { place.wait(@lock, LOOK) unless first?(place) && !@turn.locked? }
      end
      true
    ensure
      @lock.synchronize { @waiting.delete(place) }
      # Where it has given up its place, the one behind it may be the next.
      wake_next unless mine?
    end

    def first?(place)
      place.equal?(@waiting.first)
    end

    def wake_next
      @lock.synchronize { @waiting.first&.signal } if @waiting.any?
    end
  end
  private_constant :Turn
end

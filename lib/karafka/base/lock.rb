# frozen_string_literal: true

module Karafka
  # A Mutex that can be taken in a trap, too, where Ruby refuses one: another thread takes it meanwhile and runs the block.
  # @api private
  class Lock
    def initialize
      @mutex = Mutex.new
    end

    # @return [Object] what the block gives
    # @raise [ThreadError] in a trap that has interrupted the very thread which holds it: waiting for that would never end
    def synchronize(&)
      @mutex.synchronize(&)
    rescue ThreadError
      # In a trap it is raised before the block has begun.
      raise unless TrapContext.inside?
      if @mutex.owned?
        raise ThreadError, "a signal handler cannot call the producer that it has interrupted. Call it in another thread: Thread.new { … }"
      end

      in_thread(&)
    end

    # @return [Boolean]
    def owned?
      @mutex.owned?
    end

    # @return [Boolean]
    def locked?
      @mutex.locked?
    end

    # @return [Mutex] what a ConditionVariable waits with
    attr_reader :mutex

    private

    def in_thread(&)
      thread = Thread.new { @mutex.synchronize(&) }
      # It is raised in the trap.
      thread.report_on_exception = false
      thread.value
    end
  end
end

# frozen_string_literal: true

module Karafka
  # A thread that runs other people's code and has to go on: where that code ends it (`Thread.exit`), raises, or somebody kills
  # it, another one takes its place. In the end of a process, and in a forked child, none does.
  #
  # @example
  #   LastingThread.new("karafka.events") { run }.start
  class LastingThread
    # @return [Thread, nil] the one that runs now
    attr_reader :thread

    # @param name [String]
    # @param priority [Integer]
    # @param replaced [#call, nil] told by the ended thread, once another one has begun, with what has ended it: an Exception, or nil
    #   for a kill; must not raise
    # @yield in the thread, and again in each that takes its place; where it returns, the work is over
    def initialize(name, priority: 0, replaced: nil, &work)
      @name = name
      @priority = priority
      @replaced = replaced
      @work = work
      @over = false
      @pid = ::Process.pid
      @mutex = Mutex.new
    end

    # @return [self]
    def start
      @mutex.synchronize { begin_thread unless @over }
      self
    end

    # @return [Boolean] the work has returned, or is to be done no more
    def over?
      @over
    end

    # @return [Boolean]
    def alive?
      @thread&.alive? || false
    end

    # @return [Boolean] whether it asks itself
    def inside?
      @thread == Thread.current
    end

    # @param seconds [Numeric, nil] nil: forever
    # @return [Boolean] whether the work was over within that time; at once where it asks itself
    def join(seconds = nil)
      deadline = seconds && (Clock.now + seconds)
      until @over || inside?
        # The thread to wait for can change.
        @thread&.join(deadline && [deadline - Clock.now, 0].max)
        break if deadline && Clock.now >= deadline
      end
      @over || inside?
    end

    # Ends it, whatever it does. No other one follows.
    # @return [void]
    def kill
      @mutex.synchronize { @over = true }
      @thread&.kill
    end

    # For what must happen whole, such as to take something and to keep it. What blocks inside has to return early by itself
    # when the thread is interrupted.
    # @yield
    # @return [Object] what the block returns
    def self.uninterrupted(&)
      Thread.handle_interrupt(NEVER, &)
    end

    NEVER = { Object => :never }.freeze
    AT_ONCE = { Object => :immediate }.freeze
    private_constant :NEVER, :AT_ONCE

    private

    # A new thread inherits that nothing interrupts it: killed before its first step, it would run no `ensure`, and nothing would
    # take its place. The same holds for a second kill while it sees to that.
    def begin_thread
      @thread = Thread.handle_interrupt(NEVER) do
        Thread.new do
          Thread.handle_interrupt(AT_ONCE) { @work.call }
          @over = true
        ensure
          go_on unless @over || @pid != ::Process.pid
        end
      end
      @thread.name = @name
      @thread.priority = @priority
      @thread.report_on_exception = false
      @thread
    end

    def go_on
      # The process itself ends: no thread may be begun any more.
      return unless Thread.main.alive?

      error = $! # rubocop:disable Style/SpecialGlobalVars -- no rescue here, it may be a kill
      begun = @mutex.synchronize { begin_thread unless @over }
      @replaced&.call(error) if begun
    rescue ThreadError
      nil
    end
  end
end

# frozen_string_literal: true

module Karafka
  # A thread that runs other people's code and has to go on: where that code ends it (`Thread.exit`), raises, or somebody kills
  # it, another one takes its place. None does at the end of a process and in a forked child. Where no thread can be made, that is
  # reported on stderr.
  #
  # @example
  #   LastingThread.new("karafka.events") { run }.start
  class LastingThread
    # What ends the process wherever it is raised.
    FATAL = [SystemExit, SignalException, NoMemoryError].freeze
    # A thread that failed sooner is followed by one that waits first, seconds: work that fails at once must not burn a processor.
    SHORT_LIFE = 0.1
    NEVER = { Object => :never }.freeze
    AT_ONCE = { Object => :immediate }.freeze
    private_constant :SHORT_LIFE, :NEVER, :AT_ONCE

    # For what must happen whole, such as to take something and to keep it. What blocks inside has to return early by itself
    # when the thread is interrupted.
    # @yield
    # @return [Object] what the block returns
    def self.uninterrupted(&)
      Thread.handle_interrupt(NEVER, &)
    end

    # What was taken and is not kept would be lost.
    # @param pending [Array] where it is kept
    # @yieldreturn [Array, nil] what was taken; nil: nothing comes any more
    # @return [Array, nil] nil: nothing comes any more
    def self.keep(pending)
      uninterrupted { yield&.then { |taken| pending.concat(taken) } }
    end

    # @param error [Exception, nil] as `replaced` gets it
    # @return [String, nil] for the end of a sentence
    def self.reason(error)
      error && " (#{error.class}: #{error.message})"
    end

    # @return [Thread, nil] the one that runs now
    attr_reader :thread

    # @param name [String]
    # @param priority [Integer]
    # @param replaced [#call, nil] gets what has ended a thread, once another one has begun: an Exception, or nil for a kill. The ended
    #   thread calls it
    # @param fatal [#call] gets an exception that is to end the process; by default the main thread raises it
    # @yield in the thread, and again in each that takes its place; where it returns, the work is over
    def initialize(name, priority: 0, replaced: nil, fatal: Thread.main.method(:raise), &work)
      @name = name
      @priority = priority
      @replaced = replaced
      @fatal = fatal
      @work = work
      @over = false
      @pid = ::Process.pid
      @mutex = Mutex.new
    end

    # @return [self]
    def start
      @mutex.synchronize { begin_thread unless @over || alive? }
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

    # @return [Boolean] whether this is a child of the process that made it
    def foreign?
      @pid != ::Process.pid
    end

    # @param seconds [Numeric, nil] nil: forever
    # @return [Boolean] whether the work was over within that time; true at once where it asks itself, false where no thread does it
    def join(seconds = nil)
      return true if inside?

      deadline = seconds && (Clock.now + seconds)
      # The thread to wait for can change.
      until @over || !alive?
        @thread.join(deadline && [deadline - Clock.now, 0].max)
        break if deadline && Clock.now >= deadline
      end
      @over
    end

    # Ends it, whatever it does. No other one follows.
    # @return [void]
    def kill
      @mutex.synchronize { @over = true }
      @thread&.kill
    end

    private

    # A new thread inherits that nothing interrupts it: killed before its first step, it would run no `ensure`, and nothing would
    # take its place. The same holds for a second kill while it sees to that.
    def begin_thread(pause_s = 0)
      @begun = Clock.now + pause_s
      @thread = Thread.handle_interrupt(NEVER) do
        new_thread do
          Thread.current.report_on_exception = false
          Thread.handle_interrupt(AT_ONCE) { work_after(pause_s) }
          @over = true
        rescue Exception => e # rubocop:disable Lint/RescueException -- `replaced` is told; whoever joins it is not to raise it
          raise if foreign?
        ensure
          go_on(e) unless @over || foreign?
        end
      end
      @thread.name = @name
      @thread.priority = @priority
      @thread
    end

    # Since Ruby 3.2 a thread inherits what its maker keeps in `Fiber[]`, such as the id of a request.
    def new_thread(&)
      Fiber.respond_to?(:[]) ? Fiber.new(storage: {}) { Thread.new(&) }.resume : Thread.new(&)
    end

    def work_after(pause_s)
      sleep(pause_s) if pause_s.positive?
      @work.call
    end

    # @param error [Exception, nil]
    def go_on(error)
      # The process itself ends: no thread may be begun any more.
      return unless Thread.main.alive?

      pause_s = error && Clock.now - @begun < SHORT_LIFE ? SHORT_LIFE : 0
      begun = @mutex.synchronize { begin_thread(pause_s) unless @over }
      # Users' code again; and what it begins inherits this.
      Thread.handle_interrupt(AT_ONCE) { tell(error) } if begun
    rescue ThreadError => e
      warn "karafka: no thread takes the place of #{@name}: #{e.message}"
    end

    def tell(error)
      begin
        @replaced&.call(error)
      rescue StandardError => e
        warn "karafka: the end of #{@name} could not be reported: #{e.class}: #{e.message}"
      end
      @fatal.call(error) if FATAL.any? { |fatal| error.is_a?(fatal) }
    end
  end
end

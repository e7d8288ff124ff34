# frozen_string_literal: true

module Karafka
  # The worker threads of this process. Their number can change while it runs.
  class Workers
    include Enumerable

    # @param engine [Engine, nil] nil: nothing runs
    # @yieldparam index [Integer] of the next worker
    # @yieldreturn [Worker]
    def initialize(engine = nil, &build)
      @engine = engine
      @build = build
      @mutex = Mutex.new
      @workers = []
      @wanted = 0
      @next = 0
      @open = @closed = false
    end

    # @param count [Integer]
    # @return [void]
    def start(count)
      @mutex.synchronize do
        @open = true
        @wanted = count
        count.times { add }
      end
    end

    # From now on there are that many. Workers that are too many end after the batch they have; {#size} shows when.
    # Can be called from any thread, a consumer's too, and from a trap. While the server stops it does nothing.
    # @param count [Integer] up to 1000; 0 and less count as 1
    # @return [Integer] count
    # @raise [Errors::InvalidConfigurationError] another count
    # @raise [Errors::EngineError] the server has not started
    def scale(count)
      count = count.clamp(1..) if count.is_a?(Integer)
      Setup::Types::THREADS.check("Karafka::Server.workers.scale", count)
      # Not waited for: what the trap has interrupted may be scaling.
      return count.tap { Thread.new { scale(count) } } if TrapContext.inside?

      before = @mutex.synchronize do
        next count if @closed
        raise Errors::EngineError, "the server is not running in this process, so it has no workers" unless @open

        @workers = @workers.reject(&:finished?)
        change(count - @wanted)
        @wanted.tap { @wanted = count }
      end
      scaled(before, count) unless before == count
      count
    end

    # No scaling any more: the process stops.
    # @return [void]
    def close
      @mutex.synchronize { @closed = true }
    end

    # @return [Integer] how many there are
    def size
      @workers.count { |worker| !worker.finished? }
    end
    alias length size

    # @return [Boolean]
    def empty?
      size.zero?
    end

    # @yieldparam worker [Worker] also one that has ended
    # @return [Enumerator, self]
    def each(&block)
      return to_enum(:each) { @workers.size } unless block

      # Another thread may scale meanwhile. Without the lock, which a trap could not take.
      @workers.dup.each(&block)
      self
    end

    # @return [String]
    def inspect
      "#<#{self.class} #{size}>"
    end

    private

    def scaled(before, count)
      Karafka.logger.info("Scaled from #{before} to #{count} workers")
      Instrumentation::Safely.instrument("worker.scaling.#{count > before ? :up : :down}", { caller: self, from: before, to: count })
    end

    def change(difference)
      return @engine.retire(-difference) if difference.negative?

      # Some of those that have to go may not have gone yet.
      (difference - @engine.retain(difference)).times { add }
    end

    def add
      @workers << @build.call(@next).start
      @next += 1
    end
  end
end

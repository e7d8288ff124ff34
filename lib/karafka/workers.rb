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
      @open = false
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

    # From now on there are so many. Workers that are too many end after the batch they have; {#size} shows when.
    # Can be called from any thread, a consumer's too.
    # @param count [Integer] 1 to 1000
    # @return [Integer] count
    # @raise [Errors::InvalidConfigurationError] another count
    # @raise [Errors::EngineError] the server is not running
    def scale(count)
      Setup::Types::THREADS.check("Karafka::Server.workers.scale", count)
      before = @mutex.synchronize do
        raise Errors::EngineError, "the server is not running in this process, so it has no workers" unless @open

        @workers = @workers.reject(&:finished?)
        change(count - @wanted)
        @wanted.tap { @wanted = count }
      end
      Karafka.logger.info("Scaled from #{before} to #{count} workers") unless before == count
      count
    end

    # No scaling any more: the process stops.
    # @return [void]
    def close
      @mutex.synchronize { @open = false }
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

      # Another thread may scale meanwhile: the Array is replaced, or appended to under the lock.
      @mutex.synchronize { @workers.dup }.each(&block)
      self
    end

    # @return [String]
    def inspect
      "#<#{self.class} #{size}>"
    end

    private

    def change(difference)
      return @engine.retire(-difference) if difference.negative?

      # Some of those that were told to go may not have gone yet.
      (difference - @engine.retain(difference)).times { add }
    end

    def add
      @workers << @build.call(@next).start
      @next += 1
    end
  end
end

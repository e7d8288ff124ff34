# frozen_string_literal: true

# What the end of a process does for its producers.
module WaterDrop
  # The producers of this process that have sent something and are not closed. Looked at when the process ends. Holds none
  # of them; but the event thread of one that has sent something does, so close what you do not need any more.
  module OpenProducers
    # How long the end of a process may be held up by messages without an answer, ms.
    EXIT_TIMEOUT_MS = 10_000
    # Each producer is its own value: Ruby 3.1 looks whether the value is alive, and gives keys that are garbage where that is
    # an immediate. No key is ever looked up by another producer, so identity is enough.
    @all = ObjectSpace::WeakMap.new
    @lock = Mutex.new
    private_constant :EXIT_TIMEOUT_MS

    class << self
      # @param producer [Producer]
      # @return [void]
      def add(producer)
        @lock.synchronize { @all[producer] = producer }
      end

      # @return [Array<Producer>]
      def all
        @lock.synchronize { @all.keys }.select { |producer| producer.status.connected? }
      end

      # @return [Integer] messages that were not delivered
      def close
        all.sum(&:close)
      end

      # What `at_exit` does: sends what is there, and says what could not be sent. It closes nothing, as blocks that were
      # registered before may still want to produce (a test suite that runs at exit does).
      # @param timeout_ms [Numeric]
      # @return [void]
      def flush_at_exit(timeout_ms = EXIT_TIMEOUT_MS)
        deadline = now_ms + timeout_ms
        all.each { |producer| producer.flush_at_exit([deadline - now_ms, 0].max) }
      end

      private

      def now_ms
        ::Process.clock_gettime(::Process::CLOCK_MONOTONIC, :float_millisecond)
      end
    end
  end
  private_constant :OpenProducers

  # Starts nothing, so it may be registered when the file is loaded. A child that was forked inherits it.
  at_exit { OpenProducers.flush_at_exit }

  # Closes every producer of this process that is in use.
  # @return [Integer] messages that were not delivered
  def self.close
    OpenProducers.close
  end
end

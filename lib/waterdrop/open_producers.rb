# frozen_string_literal: true

# What the end of a process does for its producers.
module WaterDrop
  # The producers of this process that have sent something and are not closed. Looked at when the process ends. Holds those
  # that have something to send, or to hear of what they have sent. Others are collected where nobody has them any more.
  module OpenProducers
    # How long the end of a process may be held up by messages without an answer, ms.
    EXIT_TIMEOUT_MS = 10_000
    # Each producer is its own value: Ruby 3.1 looks whether the value is alive, and gives keys that are garbage where that is
    # an immediate. No key is ever looked up by another producer, so identity is enough.
    @all = ObjectSpace::WeakMap.new
    @lock = Lock.new
    # Why it is kept (a client that has messages under way, a buffer with messages) => producer. Without the lock: a trap
    # may send, too.
    @kept = {}.compare_by_identity
    @pid = ::Process.pid
    private_constant :EXIT_TIMEOUT_MS

    class << self
      # @param producer [Producer]
      # @return [void]
      def add(producer)
        @lock.synchronize { @all[producer] = producer }
      end

      # @param reason [Object] one at a time for each producer that it stands for
      # @param producer [Producer]
      # @return [void]
      def keep(reason, producer)
        # What a parent has under way is not this process's.
        @kept, @pid = {}.compare_by_identity, ::Process.pid if @pid != ::Process.pid # rubocop:disable Style/ParallelAssignment
        @kept[reason] = producer
      end

      # @param reason [Object]
      # @return [Producer, nil] nil: it was not kept
      def release(reason)
        @kept.delete(reason)
      end

      # @return [Array<Producer>]
      def all
        @lock.synchronize { @all.keys }.select { |producer| producer.status.connected? }
      end

      # @return [Integer] messages that were not delivered
      # @raise [StandardError] the first of a close that failed, once all others are closed
      def close
        errors = []
        undelivered = all.sum do |producer|
          producer.close
        rescue StandardError => e
          errors << e
          0
        end
        errors.empty? ? undelivered : raise(errors.first)
      end

      # What is still under way after the last block of at_exit. No thread runs any more but those of the engine, so failures
      # are only logged.
      # @return [void]
      def flush_last(*)
        flush(@kept.values.uniq, EXIT_TIMEOUT_MS) if @pid == ::Process.pid
      end

      # What `at_exit` does: sends all messages, and reports those that could not be sent. It closes nothing, as blocks that were
      # registered before may still want to produce (a test suite that runs at exit does).
      # @param timeout_ms [Numeric]
      # @return [void]
      def flush_at_exit(timeout_ms = EXIT_TIMEOUT_MS)
        flush(all, timeout_ms)
      end

      private

      # One that fails must not keep the others from sending.
      def flush(producers, timeout_ms)
        deadline = Karafka::Clock.now_ms + timeout_ms
        producers.each do |producer|
          Guard.call(producer.config, "the end of the process") do
            producer.flush_at_exit([deadline - Karafka::Clock.now_ms, 0].max)
          end
        end
      end
    end
  end
  private_constant :OpenProducers

  # Registered first, so it comes after the last messages.
  at_exit { Karafka::Instrumentation::Tracing.flush }

  # Starts nothing, so it may be registered when the file is loaded. A child that was forked inherits it.
  at_exit { OpenProducers.flush_at_exit }

  # Blocks of at_exit that were registered before this file was loaded run after ours. Their messages are waited for when Ruby
  # calls the finalizers of the objects that are left, which is after all of them.
  LAST = Object.new
  private_constant :LAST
  ObjectSpace.define_finalizer(LAST, OpenProducers.method(:flush_last).to_proc)

  # Closes every producer of this process that is in use.
  # @return [Integer] messages that were not delivered
  def self.close
    OpenProducers.close
  end
end

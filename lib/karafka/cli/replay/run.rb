# frozen_string_literal: true

module Karafka
  module Cli
    module Replay
      # Reads the range once, and sends what the task makes of each message. A position is committed once everything before it was
      # acknowledged, so after a crash some messages are sent again, and none is left out.
      class Run
        # Messages, and bytes of payloads, that are sent at once.
        BATCH = 1_000
        BATCH_BYTES = 4 * 1_024 * 1_024
        # How often progress is committed.
        COMMIT_MS = 1_000
        private_constant :BATCH, :BATCH_BYTES, :COMMIT_MS

        # @return [Tally]
        attr_reader :tally

        # @param iterator [Admin::Iterator]
        # @param entries [Hash{Integer=>Journal::Entry}] the range by partition
        # @param task [Copy, DeadLetters]
        # @param selection [Selection]
        # @param progress [Progress]
        # @param producer [WaterDrop::Producer, nil] nil: nothing is sent nor committed
        # @param journal [Journal, nil]
        # @param pace [Pace]
        def initialize(iterator, entries, task, selection, progress:, producer: nil, journal: nil, pace: Pace.new(nil))
          @iterator = iterator
          @entries = entries
          @task = task
          @selection = selection
          @progress = progress
          @producer = producer
          @journal = journal
          @pace = pace
          @most = pace.batch(BATCH)
          @tally = Tally.new
          @seen = {}
          @stopped = false
        end

        # @return [Boolean] whether it came to the end of the range
        # @raise [Errors::CommandError] a message could not be sent; what was sent before is committed
        def call
          start_batch
          @flushed_ms = @committed_ms = Clock.now_ms
          @iterator.each do |message|
            break if @stopped

            take(message)
            flush if full?
          end
          flush
          @entries.each { |partition, entry| @seen[partition] = entry.to } unless @stopped
          commit
          @progress.finish(passed)
          !@stopped
        end

        # From any thread: ends it after what is being sent.
        # @return [void]
        def stop
          @stopped = true
          @iterator.stop
        end

        # @return [Integer] offsets of the range that are done
        def passed = @seen.sum { |partition, offset| offset - @entries.fetch(partition).offset }

        private

        def take(message)
          @next[message.partition] = message.offset + 1
          return unless @selection.include?(message)

          made = @task.call(message)
          return @tally.stays(made) if made.is_a?(Symbol)

          @batch << made
          @bytes += made[:payload].to_s.bytesize
        end

        def full?
          @batch.size >= @most || @bytes >= BATCH_BYTES || Clock.now_ms - @flushed_ms >= COMMIT_MS
        end

        def flush
          send_batch unless @batch.empty?
          @seen.merge!(@next)
          start_batch
          @flushed_ms = Clock.now_ms
          @progress.at(passed)
          commit if @flushed_ms - @committed_ms >= COMMIT_MS
        end

        def start_batch
          @batch = []
          @bytes = 0
          @next = {}
        end

        def send_batch
          @pace.wait(@batch.size)
          @producer&.produce_many_sync(@batch)
          @tally.sent(@batch)
        rescue WaterDrop::Errors::BaseError => e
          commit
          raise Errors::CommandError, "#{Amount.past(@tally.total, "message")} sent, then some could not be: #{(e.cause || e).message}. " \
                                      "Progress is committed; the same command goes on there"
        end

        def commit
          @committed_ms = Clock.now_ms
          @journal&.write(@seen.to_h { |partition, offset| [partition, Journal::Entry.new(offset, @entries.fetch(partition).to)] })
        end
      end
    end
  end
end

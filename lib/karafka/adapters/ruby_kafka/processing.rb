# frozen_string_literal: true

module Kafka
  # What a {Consumer} does with the messages of a lease: runs the block, marks, settles.
  # @api private
  module Processing
    # After this many seconds within one batch the rest of it is taken anew, so that what is limited is the time of a message.
    TAKEN_ANEW = Session::MESSAGE_LIMIT_MS / 4_000.0
    # What is processed is marked after this many seconds, or after one message: a member that loses its partition may repeat as much.
    MARKED_AFTER = 0.01
    # Seconds. Messages that take less are quick, and a few of them are done between two looks.
    QUICK = 0.0001
    FEW = 8
    private_constant :TAKEN_ANEW, :MARKED_AFTER, :QUICK, :FEW

    private

    def process_messages(lease, marks, &)
      return process_intercepted(lease, marks, &) unless @interceptors.empty?

      shown = announced(lease, &)
      @lease = lease
      @marks = marks
      @done = @marked_to = 0
      work(lease, &shown)
    ensure
      # Left by an error, break or a kill: what was processed is marked.
      mark_done
      @lease = nil
    end

    # The hot path. The clock is looked at, and what is done is marked, after each message that takes some time; of quick ones after a
    # few.
    def work(lease) # rubocop:disable Metrics/CyclomaticComplexity, Metrics/PerceivedComplexity -- a call for each message costs
      size = lease.size
      index = 0
      look_at = 1
      taken_at = looked_at = marked_at = Process.clock_gettime(Process::CLOCK_MONOTONIC)
      while index < size
        yield FetchedMessage.new(lease, index)
        @done = index += 1
        return give_back(lease) if @stopping && index < size
        next if index < look_at

        now = Process.clock_gettime(Process::CLOCK_MONOTONIC)
        look_at = index + (@by_count || now - looked_at > QUICK ? 1 : FEW)
        looked_at = now
        marked_at = mark_done(now) if @by_count || now - marked_at > MARKED_AFTER
        return take_anew(lease, index) if now - taken_at > TAKEN_ANEW && index < size
      end
      give_back(lease)
    rescue StandardError => e
      raise failed(lease, lease.offset(@done), e)
    end

    # Marked first: once the last lease of a partition is settled, its marks may count no more.
    def give_back(lease)
      mark_done
      lease.release
    end

    # Marks all that is processed of the lease that is out.
    # @return [Float, nil] now
    def mark_done(now = nil)
      if @lease && @marks && @done > @marked_to
        @marked_to = @done
        mark(@lease, @lease.offset(@done - 1))
      end
      now
    end

    def process(lease, message)
      yield message
    rescue StandardError => e
      raise failed(lease, message.offset, e)
    end

    # The rest of the batch comes next, with a time of its own.
    def take_anew(lease, index)
      mark_done
      lease.seek(lease.offset(index), false)
      lease.release
    end

    def process_intercepted(lease, marks, &)
      shown = announced(lease, &)
      @interceptors.call(FetchedBatch.new(lease)).messages.each do |message|
        process(lease, message, &shown)
        mark(lease, message.offset) if marks
        return lease.release if @stopping
      end
      marks ? lease.ack : lease.release
    end

    def process_batch(lease, marks)
      batch = FetchedBatch.new(lease)
      batch = @interceptors.call(batch) unless @interceptors.empty?
      payload = { topic: batch.topic, partition: batch.partition, last_offset: batch.last_offset, message_count: batch.messages.size,
                  highwater_mark_offset: batch.highwater_mark_offset, offset_lag: batch.offset_lag,
                  last_create_time: batch.messages.last&.create_time }
      @instrumenter.instrument("fetch_batch.consumer", payload)
      @instrumenter.instrument("start_process_batch.consumer", payload)
      @instrumenter.instrument("process_batch.consumer", payload) { in_batch(lease, batch) { yield batch } }
      marks ? lease.ack : lease.release
      count(batch.messages.size) { lease.commit_async } if marks
    end

    def in_batch(lease, batch)
      yield
    rescue StandardError => e
      raise failed(lease, batch.first_offset..batch.last_offset, e)
    end

    def failed(lease, offset, error)
      @logger.error("#{lease.topic}/#{lease.partition} at offset #{offset}: #{error.class}: #{error.message}")
      ProcessingError.new(lease.topic, lease.partition, offset)
    end

    def mark(lease, offset)
      lease.mark(offset)
      count(1) { lease.commit_async } unless @options.commit_threshold.zero?
    end

    # Sent to the broker at once, without waiting for its answer.
    def count(messages)
      return if @options.commit_threshold.zero?

      @marked += messages
      return if @marked < @options.commit_threshold

      @marked = 0
      yield
    end

    def message_events?
      @instrumenter.listening?("process_message.consumer") || @instrumenter.listening?("start_process_message.consumer")
    end

    # @return [Proc] the block, with its events where anybody listens
    def announced(lease, &block)
      return block unless message_events?

      high = lease.high_watermark
      lambda do |message|
        payload = { topic: message.topic, partition: message.partition, offset: message.offset, key: message.key, value: message.value,
                    headers: message.headers, create_time: message.create_time, offset_lag: [high - 1 - message.offset, 0].max }
        @instrumenter.instrument("start_process_message.consumer", payload)
        @instrumenter.instrument("process_message.consumer", payload) { block.call(message) }
      end
    end
  end
end

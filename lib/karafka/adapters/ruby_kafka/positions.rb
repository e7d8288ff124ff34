# frozen_string_literal: true

module Kafka
  # Where each partition of a consumer stands: its last lease, through which it is marked, paused and moved; and what was asked for
  # before there was one.
  # @api private
  class Positions
    def initialize
      # A consumer may be asked from other threads.
      @lock = Mutex.new
      @leases = {}
      @seeks = {}
      @pauses = Hash.new { |found, place| found[place] = Pause.new }
    end

    # Notes the lease that is out.
    # @param lease [Karafka::Native::Lease]
    # @return [Boolean] false: its messages are not to be processed now, and it was settled
    def enter(lease)
      place = [lease.topic, lease.partition]
      @lock.synchronize do
        @leases[place] = lease
        wanted = @seeks.delete(place)
        pause = @pauses[place] if @pauses.key?(place) && @pauses[place].paused?
        return true unless wanted || pause

        lease.pause(wanted ? nil : lease.offset(0), milliseconds(pause.left)) if pause
        lease.seek(wanted, true) if wanted
      end
      lease.release
      false
    end

    # It was processed: the next pause is a first one.
    # @return [void]
    def processed(lease)
      return if @pauses.empty?

      place = [lease.topic, lease.partition]
      @lock.synchronize { @pauses[place].reset! if @pauses.key?(place) }
    end

    # The partition has gone.
    # @return [void]
    def leave(lease)
      @lock.synchronize { @leases.delete([lease.topic, lease.partition]) }
    end

    # @return [Array<Karafka::Native::Lease>] the last one of each partition
    def leases = @lock.synchronize { @leases.values }

    # @param message [FetchedMessage, #topic] any object with topic, partition and offset
    # @return [Karafka::Native::Lease, nil]
    def lease_of(message)
      source = message.source if message.respond_to?(:source)
      source.is_a?(Karafka::Native::Lease) ? source : @lock.synchronize { @leases[[message.topic, message.partition]] }
    end

    # @return [void]
    def seek(topic, partition, offset)
      @lock.synchronize do
        lease = @leases[[topic, partition]]
        # Where the partition is not here yet, with its first messages.
        @seeks[[topic, partition]] = offset unless lease&.seek(offset, true)
      end
    end

    # @return [void]
    def pause(topic, partition, timeout:, **more)
      @lock.synchronize do
        seconds = @pauses[[topic, partition]].pause!(timeout: timeout, **more)
        @leases[[topic, partition]]&.pause(nil, milliseconds(seconds))
      end
    end

    # @return [Pause, nil] that it has ended
    def resume(topic, partition)
      @lock.synchronize do
        pause = @pauses[[topic, partition]] if @pauses.key?([topic, partition])
        pause&.resume!
        @leases[[topic, partition]]&.resume
        pause
      end
    end

    # @return [Boolean]
    def paused?(topic, partition)
      @lock.synchronize { @pauses.key?([topic, partition]) && @pauses[[topic, partition]].paused? }
    end

    # What holds for one run of the consumer only.
    # @return [void]
    def clear = @lock.synchronize { @leases.clear }

    private

    def milliseconds(seconds) = seconds ? (seconds * 1_000).ceil : -1
  end
end

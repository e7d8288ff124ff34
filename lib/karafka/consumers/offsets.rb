# frozen_string_literal: true

module Karafka
  module Consumers
    # What a consumer can do about its place in the partition. All return false, and none raises, once the partition
    # belongs to another process.
    module Offsets
      # Negative ones mean something to librdkafka: -1 is the end of the partition.
      POSITION = ->(value) { value.is_a?(Integer) && value.between?(0, (2**63) - 1) }
      private_constant :POSITION

      # Marks a message, and all before it, as processed; committed with the next commit. No I/O.
      # @param message [Messages::Message, Messages::Seek] of this partition; may be of an earlier batch
      # @return [Boolean] false: the partition was lost
      # @raise [ArgumentError] the message is of another partition
      def mark_as_consumed(message)
        lease = @karafka_lease
        return lease.mark(message.offset) if message.is_a?(Messages::Message) && message.of?(lease)

        check_place(message)
        lease.mark(message.offset)
      end

      # As {#mark_as_consumed}, and waits until that is committed.
      # @param message [Messages::Message, Messages::Seek]
      # @return [Boolean] false: the partition was lost
      # @raise [Errors::KafkaError] the broker refused the commit for another reason
      def mark_as_consumed!(message)
        mark_as_consumed(message) && @karafka_lease.commit_sync
      end

      # Commits what is marked, in the background.
      # @return [Boolean] false: the partition was lost
      def commit_offsets
        @karafka_lease.commit_async
      end

      # Commits what is marked, and waits for it.
      # @return [Boolean] false: the partition was lost
      # @raise [Errors::KafkaError] the broker refused the commit for another reason
      def commit_offsets!
        @karafka_lease.commit_sync
      end

      # Goes on at another place, after this batch.
      # @param position [Integer, Time, :earliest, :latest, Messages::Message, Messages::Seek]
      # @return [Boolean] false: the partition was lost
      def seek(position)
        target = place(position)
        done =
          case target
          when Time then @karafka_lease.seek_time((target.to_r * 1_000).to_i)
          when POSITION, :earliest, :latest then @karafka_lease.seek(target)
          else raise ArgumentError, "seek takes an offset, a Time, :earliest, :latest or a message, not #{position.inspect}"
          end
        notice("consumer.consuming.seek", message: Messages::Seek.new(topic.name, partition, target)) if done
        done
      end

      # Stops fetching from this partition after this batch.
      # @param offset [Integer, :consecutive, nil] where to go on; :consecutive or nil: after what was processed
      # @param timeout [Integer, nil] ms; nil: the topic's pause_timeout; -1: until {#resume}
      # @return [Boolean] false: the partition was lost
      def pause(offset = nil, timeout = nil)
        at = offset == :consecutive ? nil : place(offset)
        length = timeout || topic.pause_timeout
        unless (at.nil? || POSITION.call(at)) && length.is_a?(Integer) && (length == -1 || length.positive?)
          raise ArgumentError,
                "pause takes an offset (or :consecutive) and milliseconds (-1: until resume), not #{offset.inspect}, #{timeout.inspect}"
        end

        done = @karafka_lease.pause(at, length)
        notice("consumer.consuming.pause", offset: at, timeout: length) if done
        done
      end

      # Ends a pause.
      # @return [Boolean] false: the partition was lost
      def resume
        done = @karafka_lease.resume
        notice("client.resume") if done
        done
      end

      # @return [Integer] offset of the first message that is not marked
      def seek_offset
        @karafka_lease.seek_offset
      end

      private

      def place(position)
        position.respond_to?(:offset) ? position.offset : position
      end

      def notice(event, **details)
        return unless Karafka.monitor.listening?(event)

        Instrumentation::Safely.instrument(event, { caller: self, topic: topic.name, partition: partition, **details })
      end

      # An offset of another partition would mark messages that nobody has processed.
      def check_place(message)
        lease = @karafka_lease
        return if message.partition == lease.partition && (message.topic == lease.topic || message.topic == topic.name)

        raise ArgumentError, "#{message.inspect} is not of #{lease.topic}/#{lease.partition}, so it cannot be marked here"
      end
    end
  end
end

# frozen_string_literal: true

module Karafka
  module Consumers
    # What a consumer can do about its place in the partition. All return false, and none raises, once the partition
    # belongs to another process.
    module Offsets
      # Negative ones mean something to librdkafka: -1 is the end of the partition.
      POSITION = ->(value) { value.is_a?(Integer) && value.between?(0, (2**63) - 1) }
      MOST_METADATA_BYTES = 4_096
      # How long the look-up of a time may take, and one question of it, ms.
      LOOK_UP_MS = 15_000
      LOOK_UP_STEP_MS = 1_000
      # Far away, and what a broker can read.
      LAST_MS = (2**63) - 1
      private_constant :POSITION, :LAST_MS, :MOST_METADATA_BYTES, :LOOK_UP_MS, :LOOK_UP_STEP_MS

      # Marks a message, and all before it, as processed; committed with the next commit, in a transaction with that. No I/O.
      # A message before the last one that was marked has the next retry begin behind it. With `manual_offset_management` that
      # is committed, too, and the event `consumer.consuming.marked_back` says so; else what is committed never goes back. With
      # `parallel` such a mark does nothing.
      # @param message [Messages::Message, Messages::Seek] of this partition; may be of an earlier batch
      # @param offset_metadata [String, nil] as {#store_offset_metadata}
      # @return [Boolean] false: the partition was lost
      # @raise [ArgumentError] the message is of another partition, or is none; or it is a place that nothing was delivered from yet
      def mark_as_consumed(message, offset_metadata = nil)
        if @karafka_transaction
          note = offset_metadata && check_metadata(offset_metadata)
          return @karafka_transaction.transaction_mark_as_consumed(self, message, note)
        end

        lease = @karafka_lease || karafka_lease
        if offset_metadata.nil? && message.is_a?(Messages::Message)
          marked = message.mark_in(lease)
          return marked unless marked.nil?
        end
        mark_place(lease, message, offset_metadata)
      end

      # As {#mark_as_consumed}, and waits until that is committed. In a transaction it is committed with that.
      # @param message [Messages::Message, Messages::Seek]
      # @param offset_metadata [String, nil] as {#store_offset_metadata}
      # @return [Boolean] false: the partition was lost
      # @raise [Errors::KafkaError] the broker refused the commit for another reason
      # @raise [Errors::TimeoutError] no answer in time; it may still be committed
      def mark_as_consumed!(message, offset_metadata = nil)
        mark_as_consumed(message, offset_metadata) && (!@karafka_transaction.nil? || karafka_lease.commit_sync)
      end

      # A text of yours that is committed beside the offset, with the next commit and all later ones until there is another.
      # @param offset_metadata [String] UTF-8, up to 4096 bytes (Kafka's `offset.metadata.max.bytes`)
      # @return [Boolean] false: the partition was lost
      # @raise [ArgumentError] something else
      def store_offset_metadata(offset_metadata)
        karafka_lease.store_metadata(check_metadata(offset_metadata))
      end

      # The text that is committed beside the offset of this partition, by this process or the one before. Asks the broker.
      # @param cache [Boolean] whether an answer that was got since the assignment will do; the topic's `offset_metadata` sets
      #   the default
      # @return [String, Object, false] "" where there is none; what the deserializer makes of it; false: the partition was lost
      # @raise [Errors::KafkaError] the broker did not answer
      def offset_metadata(cache: topic.offset_metadata.cache)
        karafka_assignment.offset_metadata(karafka_lease, cache: cache)
      end

      # Commits what is marked, in the background.
      # @return [Boolean] false: the partition was lost
      def commit_offsets
        karafka_lease.commit_async
      end

      # Commits what is marked, and waits for it.
      # @return [Boolean] false: the partition was lost
      # @raise [Errors::KafkaError] the broker refused the commit for another reason
      # @raise [Errors::TimeoutError] no answer in time; it may still be committed
      def commit_offsets!
        karafka_lease.commit_sync
      end

      # Goes on at another place, after this batch.
      # @param position [Integer, Time, :earliest, :latest, Messages::Message, Messages::Seek] a Time: the first message at or
      #   after it, or the present end where all are older; asks the broker
      # @param _manual [Boolean] as in Karafka: without a meaning here
      # @param reset_offset [Boolean] true: what was marked from there on is forgotten, so the next mark counts, also of an earlier
      #   message, and a retry begins at the new place; false: marks stay, and a retry begins behind the last one
      # @return [Boolean] false: the partition was lost
      # @raise [ArgumentError] no such place
      # @raise [Errors::KafkaError] the broker did not say what there was at that time
      def seek(position, _manual = true, reset_offset: true) # rubocop:disable Style/OptionalBooleanParameter -- Karafka's signature
        target = place(position)
        target = offset_at(target) || (return false) if target.is_a?(Time)
        unless POSITION.call(target) || %i[earliest latest].include?(target)
          raise ArgumentError, "seek takes an offset, a Time, :earliest, :latest or a message, not #{position.inspect}"
        end

        done = karafka_lease.seek(target, reset_offset ? true : false)
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
        unless (at.nil? || POSITION.call(at)) && (length == -1 || (POSITION.call(length) && length.positive?))
          raise ArgumentError,
                "pause takes an offset (or :consecutive) and milliseconds (-1: until resume), not #{offset.inspect}, #{timeout.inspect}"
        end

        done = karafka_lease.pause(at, length)
        karafka_paused(at, length, manual: true, attempt: attempt) if done
        done
      end

      # Ends a pause.
      # @return [Boolean] false: the partition was lost
      def resume
        done = karafka_lease.resume
        karafka_resumed(manual: true) if done
        done
      end

      # @api private
      # @return [void]
      def karafka_paused(offset, timeout, manual:, attempt:)
        @karafka_is_paused = true
        notice("client.pause", subscription_group: topic.subscription_group, offset: offset)
        notice("consumer.consuming.pause", subscription_group: topic.subscription_group, offset: offset, timeout: timeout, manual: manual,
                                           attempt: attempt)
      end

      # @api private
      # @return [void]
      def karafka_resumed(manual: false)
        return unless manual || @karafka_is_paused

        @karafka_is_paused = false
        notice("client.resume", subscription_group: topic.subscription_group, manual: manual)
      end

      # @return [Integer] offset of the first message that is not marked
      def seek_offset
        karafka_lease.seek_offset
      end

      private

      # What is of another batch, has metadata, or is before the last one that was marked.
      # @return [Boolean] as {#mark_as_consumed}
      def mark_place(lease, message, offset_metadata)
        check_place(message) unless message.is_a?(Messages::Message) && message.of?(lease)
        return false unless offset_metadata.nil? || lease.store_metadata(check_metadata(offset_metadata))

        commits = topic.manual_offset_management?
        marked = lease.mark_exactly(message.offset, commits)
        return marked unless marked == :back

        notice("consumer.consuming.marked_back", message: message) if commits
        true
      end

      def place(position)
        position.respond_to?(:offset) ? position.offset : position
      end

      # At once: what comes until the batch is done is not passed over. In steps, so that a stop gets through.
      # @param time [Time] before 1970: the beginning. Negative numbers have other meanings to a broker
      # @return [Integer, nil] nil: the partition was lost
      def offset_at(time)
        time_ms = (time.to_r * 1_000).to_i.clamp(0, LAST_MS)
        deadline = Clock.now_ms + LOOK_UP_MS
        begin
          karafka_lease.offset_at(time_ms, LOOK_UP_STEP_MS)
        rescue Errors::KafkaError, Errors::TimeoutError
          retry if Clock.now_ms < deadline
          raise
        end
      end

      def notice(event, **details)
        return unless Karafka.monitor.listening?(event)

        Instrumentation::Safely.instrument(event, { caller: self, topic: topic.name, partition: partition, **details })
      end

      def check_metadata(text)
        text = text.to_str.encode(Encoding::UTF_8) if text.respond_to?(:to_str)
        return text if text.is_a?(String) && text.valid_encoding? && text.bytesize <= MOST_METADATA_BYTES

        raise ArgumentError, "offset metadata is text of at most #{MOST_METADATA_BYTES} bytes, not #{text.inspect[0, 100]}"
      rescue EncodingError => e
        raise ArgumentError, "offset metadata has to be text: #{e.message}"
      end

      # An offset of another partition would mark messages that nobody has processed.
      def check_place(message)
        lease = karafka_lease
        unless %i[topic partition offset].all? { |part| message.respond_to?(part) }
          raise ArgumentError, "#{message.inspect} is not a message, so it cannot be marked"
        end
        unless message.partition == lease.partition && (message.topic == lease.topic || message.topic == topic.name)
          raise ArgumentError, "#{message.inspect} is not of #{lease.topic}/#{lease.partition}, so it cannot be marked here"
        end

        check_delivered(message) unless message.is_a?(Messages::Message)
      end

      # A place that was made by hand. Marks cover all before them, so one beyond would commit what nobody has processed.
      def check_delivered(place)
        raise ArgumentError, "#{place.inspect} has no offset to mark" unless POSITION.call(place.offset)

        last = messages&.last&.offset
        return if revoked? || (last && place.offset <= last)

        raise ArgumentError, "offset #{place.offset} was not delivered yet#{" (#{last} was the last one)" if last}, so it cannot be " \
                             "marked. To leave out what is before an offset, seek there"
      end
    end
  end
end

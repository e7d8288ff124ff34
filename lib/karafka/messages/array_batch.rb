# frozen_string_literal: true

module Karafka
  module Messages
    # A batch that was built by hand from messages.
    class ArrayBatch < Messages
      # @param messages [Array<Message>]
      # @param metadata [BatchMetadata, nil]
      def initialize(messages, metadata = nil) # rubocop:disable Lint/MissingSuper
        @list = messages.to_a.dup
        @size = @list.size
        @metadata = metadata
      end

      # @return [Array<String, nil>]
      def raw_payloads
        @list.map(&:raw_payload)
      end

      # @return [Array<Integer>]
      def offsets
        @list.map(&:offset)
      end

      # @return [BatchMetadata]
      def metadata
        @metadata ||= BatchMetadata.new(
          size: @size, first_offset: first&.offset, last_offset: last&.offset, partition: first&.partition, topic: first&.topic,
          created_at: last&.timestamp, scheduled_at: Time.now, processed_at: Time.now, attempt: 1
        )
      end

      # (see Messages#figures)
      def figures
        [metadata.last_offset, metadata.processing_lag, metadata.consumption_lag]
      end

      # (see Messages#group_by_key)
      def group_by_key
        @list.group_by(&:key)
      end

      # (see Messages#compact_by_key)
      def compact_by_key
        compact(@list)
      end

      # (see Messages#pluck)
      def pluck(*fields)
        raise ArgumentError, "pluck needs the name of at least one field, such as pluck(\"user.id\")" if fields.empty?

        pluck_from_payloads(fields.map { |field| field.to_s.split(".") })
      end
    end
  end
end

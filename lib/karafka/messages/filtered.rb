# frozen_string_literal: true

module Karafka
  module Messages
    # What filters of the application have left of a batch.
    class Filtered < ArrayBatch
      # @param messages [Array<Message>] of that batch
      # @param batch [Messages] all of it
      def initialize(messages, batch)
        super(messages)
        @batch = batch
      end

      # @return [BatchMetadata] about the messages that are left
      def metadata
        @metadata ||= @batch.metadata.dup.tap do |metadata|
          metadata.size = size
          metadata.first_offset = first&.offset
          metadata.last_offset = last&.offset
          metadata.created_at = last&.timestamp
        end
      end

      # (see Messages#from)
      def from(index)
        offset = @batch.offsets[index]
        find { |message| message.offset >= offset }
      end
    end
  end
end

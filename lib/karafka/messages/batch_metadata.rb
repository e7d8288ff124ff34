# frozen_string_literal: true

module Karafka
  module Messages
    # What `messages.metadata` tells about a batch. Times in the lag methods are milliseconds.
    # `scheduled_at` is when the engine took the batch, `processed_at` when the consumer was called.
    # rubocop:disable Lint/StructNewOverride -- the names are Karafka's
    BatchMetadata = Struct.new(
      :size, :first_offset, :last_offset, :partition, :topic, :deserializers, :created_at, :scheduled_at, :processed_at,
      :high_watermark, :bytesize, :attempt, keyword_init: true
    ) do
      # rubocop:enable Lint/StructNewOverride

      include Compat::MetadataNames

      # @return [Integer, nil] messages of the partition behind the last one of this batch; nil while unknown
      def lag
        high_watermark && [high_watermark - last_offset - 1, 0].max
      end

      # @return [Integer, nil] ms from the creation of the last message to its processing
      def consumption_lag
        created_at && processed_at && [((processed_at - created_at) * 1_000).round, 0].max
      end

      # @return [Integer, nil] ms from taking the batch to its processing
      def processing_lag
        scheduled_at && processed_at && [((processed_at - scheduled_at) * 1_000).round, 0].max
      end

      alias_method :batch_size, :size
      # Names of Karafka 1.x.
      alias_method :highwater_mark_offset, :high_watermark
      alias_method :offset_lag, :lag

      # @return [Boolean] whether the end of the partition is not known yet
      def unknown_last_offset?
        high_watermark.nil?
      end
      # Its name in Karafka 1.4.
      alias_method :unknown_last_offset, :unknown_last_offset?

      # @param name [String, Symbol, Integer] of a field, by any of its names
      # @return [Object]
      def [](name)
        name.is_a?(Integer) || members.include?(name.to_sym) || !respond_to?(name) ? super : public_send(name)
      end
    end
  end
end

# frozen_string_literal: true

module Karafka
  module Messages
    # What a message reads from once it was cleaned: its place, not its bytes. It does not hold the batch any more, so the bytes
    # can go as soon as nothing else holds them.
    class CleanedSource
      attr_reader :topic, :partition, :attempt, :received_at_ms

      # @param source [Native::Lease, StaticSource, CleanedSource] what it read from before
      # @param index [Integer]
      # @param metadata [Boolean] whether key and headers go as well
      def initialize(source, index, metadata)
        @topic = source.topic
        @partition = source.partition
        @attempt = source.attempt
        @received_at_ms = source.received_at_ms
        @offset = source.offset(index)
        @timestamp_ms = source.timestamp_ms(index)
        @kept = [source.raw_key(index), source.raw_headers(index)] unless metadata
      end

      def offset(_index) = @offset
      def timestamp_ms(_index) = @timestamp_ms
      def raw_key(_index) = (@kept || gone("key")).first
      def raw_headers(_index) = (@kept || gone("headers")).last
      def raw_payload(_index) = gone("payload")
      alias json raw_payload

      private

      def gone(part)
        raise Errors::MessageCleanedError, "the #{part} of #{topic}/#{partition}@#{@offset} was cleaned: read it before `clean!`"
      end
    end
  end
end

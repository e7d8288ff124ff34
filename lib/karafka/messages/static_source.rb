# frozen_string_literal: true

module Karafka
  module Messages
    # A message that was not fetched but built by hand: answers what a lease answers about one message.
    class StaticSource
      # @param raw_payload [String, nil]
      # @param metadata [Metadata]
      def initialize(raw_payload, metadata)
        @raw_payload = raw_payload
        @metadata = metadata
      end

      def topic = @metadata.topic
      def partition = @metadata.partition
      def attempt = 1
      def received_at_ms = milliseconds(@metadata.received_at)
      def offset(_index) = @metadata.offset
      def timestamp_ms(_index) = milliseconds(@metadata.timestamp)
      def raw_payload(_index) = @raw_payload
      def raw_key(_index) = @metadata.raw_key || @metadata.key
      def raw_headers(_index) = @metadata.raw_headers || @metadata.headers || {}
      def json(_index) = @raw_payload && ::JSON.parse(@raw_payload)

      private

      def milliseconds(time)
        time ? (time.to_r * 1_000).to_i : -1
      end
    end
  end
end

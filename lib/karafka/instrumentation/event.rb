# frozen_string_literal: true

module Karafka
  module Instrumentation
    # What a subscriber gets: `event[:error]`, `event.payload`, `event.id`. `event[:time]` is the duration in
    # milliseconds where something was measured.
    class Event
      # @return [String] name, such as "consumer.consumed"
      attr_reader :id

      # @param id [String]
      # @param payload [Hash{Symbol=>Object}, #[]] something that makes the Hash when it is asked for it
      def initialize(id, payload)
        @id = id
        @payload = payload
      end

      # @param key [Symbol]
      # @return [Object, nil]
      def [](key)
        @payload[key]
      end

      # @param key [Symbol]
      # @raise [KeyError]
      def fetch(key, *default, &)
        payload.fetch(key, *default, &)
      end

      # @return [Hash{Symbol=>Object}]
      def payload
        (@payload ||= to_payload).to_h
      end
      alias to_h payload

      private

      # For events that come often: those of a kind of their own make the Hash when somebody asks for all of it.
      def to_payload = {}
    end
  end
end

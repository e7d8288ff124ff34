# frozen_string_literal: true

require "json"

module Karafka
  module Deserializers
    # The default for payloads: JSON, nil for a tombstone. Where it is the configured one, batches are decoded
    # by the engine with the same results and errors; this is the form for messages that are built by hand.
    class Payload
      # @param message [Messages::Message]
      # @return [Object, nil]
      # @raise [JSON::ParserError]
      def call(message)
        raw = message.raw_payload
        raw && ::JSON.parse(raw)
      end
    end
  end
end

# frozen_string_literal: true

module Karafka
  module Compat
    # A `parser` of Karafka 1.x, which takes the payload's String, where today's `deserializer` takes the message.
    class ParserDeserializer
      # @return [#parse]
      attr_reader :parser

      # @param parser [#parse]
      def initialize(parser)
        @parser = parser
      end

      # @param message [Messages::Message]
      # @return [Object, nil] what the parser makes of the payload; nil for a tombstone
      def call(message)
        raw = message.raw_payload
        raw && parser.parse(raw)
      end
    end
  end
end

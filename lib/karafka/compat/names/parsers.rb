# frozen_string_literal: true

module Karafka
  # Where Karafka up to 1.2 had what reads and writes payloads.
  module Parsers
    # JSON, for `parser Karafka::Parsers::Json`, and for parsers that build on it.
    module Json
      class << self
        # @param payload [String]
        # @return [Object]
        # @raise [Errors::ParserError]
        def parse(payload)
          ::JSON.parse(payload)
        rescue ::JSON::ParserError => e
          raise Errors::ParserError, e.message
        end

        # @param data [Object]
        # @return [String]
        # @raise [Errors::SerializationError]
        def generate(data)
          Serializers::Json::Serializer.default.call(data)
        end
      end
    end
  end
end

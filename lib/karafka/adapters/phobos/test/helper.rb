# frozen_string_literal: true

module Phobos
  # For the tests of an application.
  module Test
    # Included in RSpec or Minitest.
    module Helper
      # Hands a message to a new instance of a handler, without Kafka.
      # @param handler [Class] includes {Handler}
      # @param payload [String]
      # @param metadata [Hash{Symbol=>Object}]
      # @param encoding [String, Encoding, nil]
      # @return [Object] what `around_consume` returns
      def process_message(handler:, payload:, metadata: {}, encoding: nil)
        payload = payload.dup.force_encoding(encoding) if encoding
        handler.start(nil)
        made = handler.new
        made.around_consume(payload, metadata) { |given, about| made.consume(given, about) }
      ensure
        handler.stop
      end
    end
  end
end

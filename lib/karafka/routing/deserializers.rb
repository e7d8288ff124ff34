# frozen_string_literal: true

module Karafka
  module Routing
    # What turns the bytes of a message into objects: each part answers to `call`.
    Deserializers = Struct.new(:payload, :key, :headers, keyword_init: true) do
      # @param part [:payload, :key, :headers]
      # @return [#call] the one used where none is set
      def self.default(part)
        @defaults ||= {
          payload: Karafka::Deserializers::Payload.new,
          key: Karafka::Deserializers::Key.new,
          headers: Karafka::Deserializers::Headers.new
        }.freeze
        @defaults.fetch(part)
      end
    end
  end
end

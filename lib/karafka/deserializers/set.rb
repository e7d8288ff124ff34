# frozen_string_literal: true

module Karafka
  module Deserializers
    # What turns the bytes of a message into objects: each part answers to `call`.
    Set = Struct.new(:payload, :key, :headers, keyword_init: true) do
      # @param part [:payload, :key, :headers]
      # @return [#call] the one used where none is set
      def self.default(part)
        @defaults ||= {
          payload: Deserializers::Payload.new,
          key: Deserializers::Key.new,
          headers: Deserializers::Headers.new
        }.freeze
        @defaults.fetch(part)
      end
    end
  end
end

# frozen_string_literal: true

require "json"

module Karafka
  module Serializers
    module Json
      # What responders use where nothing else is set: a String is sent as it is, anything else as its `to_json`.
      class Serializer
        # @return [Serializer]
        def self.default
          @default ||= new
        end

        # @param data [Object] of a message its payload is taken
        # @return [String]
        # @raise [Errors::SerializationError]
        def call(data)
          data = Serializers.unwrap(data)
          return data if data.is_a?(String)
          raise Errors::SerializationError, "#{data.class} has no to_json" unless data.respond_to?(:to_json)

          data.to_json
        end
      end
    end
  end
end

# frozen_string_literal: true

module Karafka
  module Deserializers
    # The default for keys: the key as it is.
    class Key
      # @param metadata [Messages::Message, Messages::Metadata]
      # @return [String, nil]
      def call(metadata)
        metadata.raw_key
      end
    end
  end
end

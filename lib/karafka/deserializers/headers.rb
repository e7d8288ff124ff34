# frozen_string_literal: true

module Karafka
  module Deserializers
    # The default for headers: as they are.
    class Headers
      # @param metadata [Messages::Message, Messages::Metadata]
      # @return [Hash{String=>String, Array<String>, nil}]
      def call(metadata)
        metadata.raw_headers
      end
    end
  end
end

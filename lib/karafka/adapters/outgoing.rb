# frozen_string_literal: true

module Karafka
  module Adapters
    # Messages as users of the other libraries send them.
    module Outgoing
      # None of those libraries has a limit of its own: librdkafka's `message.max.bytes`, and the brokers, say what is too large.
      LARGEST_BYTES = 100_000_000

      # @param headers [Hash{#to_s=>#to_s, Array}, nil] names and values of any class; an Array is a header with several values
      # @return [Hash{String=>String, Array}, nil] their text
      def self.headers(headers)
        headers&.to_h { |name, value| [name.to_s, value.is_a?(Array) ? value.map(&:to_s) : value.to_s] }
      end
    end
  end
end

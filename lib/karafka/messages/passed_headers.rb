# frozen_string_literal: true

module Karafka
  module Messages
    # Headers of a message that is passed on. A Hash as {Message#headers} gives, to look at and to change. It also knows in which
    # order names came that were sent several times, so that they are sent on as they came.
    # @api private
    class PassedHeaders < Hash
      # @param message [Message]
      # @param headers [Hash{String=>String, Array<String>, nil}] what is sent on
      # @return [Hash] headers, where no name came twice
      def self.of(message, headers)
        return headers unless message.raw_headers.each_value.any?(Array)

        new.replace(headers).keep(message.raw_headers, message.raw_header_pairs)
      end

      # @param came [Hash] with these names and values
      # @param pairs [Array<Array(String, (String, nil))>] in this order
      # @return [self]
      def keep(came, pairs)
        @came = came
        @pairs = pairs
        self
      end

      # The engine asks for it: what came and was not changed in the order in which it came, then everything else.
      # @return [Array<Array(String, (String, nil))>]
      def karafka_pairs
        unchanged, other = partition { |name, value| @came.key?(name) && @came[name] == value }.map(&:to_h)
        @pairs.select { |name, _| unchanged.key?(name) } +
          other.flat_map { |name, value| value.is_a?(Array) ? [name].product(value) : [[name, value]] }
      end
    end
  end
end

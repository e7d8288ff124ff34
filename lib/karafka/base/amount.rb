# frozen_string_literal: true

module Karafka
  # Numbers of things in sentences.
  # @api private
  module Amount
    class << self
      # @param number [Integer]
      # @param one [String] the word for one of them
      # @return [String] such as "1 message" and "3 messages"
      def of(number, one)
        "#{number} #{word(number, one)}"
      end

      # @param number [Integer]
      # @param one [String] the word for one of them
      # @return [String] the word for so many, such as "messages"
      def word(number, one)
        number == 1 ? one : "#{one}s"
      end

      # @param number [Integer]
      # @param one [String] the word for one of them
      # @return [String] such as "1 message was" and "3 messages were"
      def past(number, one)
        "#{of(number, one)} #{number == 1 ? "was" : "were"}"
      end
    end
  end
end

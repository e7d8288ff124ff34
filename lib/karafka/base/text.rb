# frozen_string_literal: true

module Karafka
  # Texts that come from outside, such as names of files. Ruby gives them the encoding of the locale, or none at all; where they are not
  # ASCII, no two of these can be compared or joined.
  # @api private
  module Text
    class << self
      # @param text [String]
      # @return [String] the same bytes as UTF-8, with "?" for what is none
      def readable(text)
        text.dup.force_encoding(Encoding::UTF_8).scrub("?")
      end

      # @param thing [Exception, Thread, nil]
      # @return [Array<String>] its backtrace
      def backtrace(thing)
        (thing&.backtrace || []).map { |line| readable(line) }
      end
    end
  end
end

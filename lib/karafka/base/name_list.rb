# frozen_string_literal: true

module Karafka
  # Names in a message that may be many.
  # @api private
  module NameList
    # @param names [Array<#to_s>]
    # @param most [Integer]
    # @return [String] the first of them, and how many more there are
    def self.short(names, most)
      more = names.size - most
      "#{names.first(most).join(", ")}#{" and #{more} more" if more.positive?}"
    end
  end
end

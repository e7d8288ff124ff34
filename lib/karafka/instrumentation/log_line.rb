# frozen_string_literal: true

module Karafka
  module Instrumentation
    # A line of the log and what it is about. Any logger takes it as the String that it is; {JsonFormatter} writes the fields, too.
    class LogLine < String
      # @return [Hash{Symbol=>Object}] such as `topic`, `partition`, `offset`
      attr_reader :fields

      # @param text [String]
      # @param fields [Hash{Symbol=>Object}] nil ones are left out
      def initialize(text, **fields)
        super(text)
        @fields = fields.compact
      end
    end
  end
end

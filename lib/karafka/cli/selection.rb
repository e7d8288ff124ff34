# frozen_string_literal: true

module Karafka
  module Cli
    # Which messages of a topic a command is about: `--partition`, `--key`, `--header`, `--grep`.
    class Selection
      # @param options [Hash{Symbol, String=>Object}] of the command line
      # @raise [Errors::CommandError]
      def initialize(options)
        @options = options
        @grep = pattern(options[:grep]) if options[:grep]
        headers = HeaderOptions.pairs(options[:header]).group_by(&:first).transform_values { |pairs| pairs.map(&:last) }
        @only = { key: options[:key], header: (headers unless headers.empty?) }.compact
        @partitions = options[:partition]&.map { |number| Integer(number, 10) }
      rescue ArgumentError
        raise Errors::CommandError, "--partition is #{@options[:partition].join(" ")}, but must be numbers"
      end

      # @param topic [String]
      # @param partitions [Array<Integer>, nil]
      # @param places [Hash{Symbol=>Object}] from and to, as {Admin::Iterator#initialize}
      # @return [Admin::Iterator] of all but what {#include?} leaves out
      def iterator(topic, partitions: @partitions, **places)
        Admin::Iterator.new(topic, partitions: partitions, only: @only, **places)
      end

      # @param message [Messages::Message] of {#iterator}
      # @return [Boolean]
      def include?(message)
        @grep.nil? || message.raw_payload.to_s.b.match?(@grep)
      end

      private

      def pattern(text)
        Regexp.new(text.b, Regexp::NOENCODING)
      rescue RegexpError => e
        raise Errors::CommandError, "--grep #{text}: #{e.message}"
      end
    end
  end
end

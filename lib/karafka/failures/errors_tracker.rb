# frozen_string_literal: true

require "securerandom"

module Karafka
  module Failures
    # The errors of `consume` since a partition last got on: {BaseConsumer#errors_tracker}. With `parallel` those of all its
    # consumers. Keeps the last 100.
    class ErrorsTracker
      include Enumerable

      LIMIT = 100
      private_constant :LIMIT

      # @return [Routing::Topic]
      attr_reader :topic
      # @return [Integer]
      attr_reader :partition
      # @return [String] unique for each error, to find it again in logs
      attr_reader :trace_id

      # @param topic [Routing::Topic]
      # @param partition [Integer]
      def initialize(topic, partition)
        @topic = topic
        @partition = partition
        @lock = Mutex.new
        @errors = [].freeze
        @counts = Hash.new(0).freeze
        @trace_id = SecureRandom.uuid
      end

      # @param error [Exception]
      # @return [void]
      def <<(error)
        @lock.synchronize do
          @trace_id = SecureRandom.uuid
          @errors = [*@errors.last(LIMIT - 1), error].freeze
          @counts = @counts.merge(error.class => @counts[error.class] + 1).tap { |counts| counts.default = 0 }.freeze
        end
      end

      # @return [void]
      def clear
        @lock.synchronize do
          @errors = [].freeze
          @counts = Hash.new(0).freeze
        end
      end

      # @yieldparam error [Exception] the oldest first
      # @return [Enumerator, self]
      def each(&block)
        return @errors.each unless block

        @errors.each(&block)
        self
      end

      # @return [Array<Exception>]
      def all
        @errors
      end

      # @return [Exception, nil]
      def last
        @errors.last
      end

      # @return [Integer]
      def size
        @errors.size
      end

      # @return [Boolean]
      def empty?
        @errors.empty?
      end

      # @return [Hash{Class=>Integer}] how many of each class, 0 for others; those that are not kept any more count too
      attr_reader :counts
    end
  end
end

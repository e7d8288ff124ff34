# frozen_string_literal: true

require "monitor"

module Karafka
  # What all consumers of one partition have in common; with `parallel` there are several, one for each lane.
  class PartitionShare
    # @return [Monitor] for {BaseConsumer#synchronize}
    attr_reader :lock
    # @return [Failures::ErrorsTracker]
    attr_reader :errors
    # @return [Failures::CircuitBreaker, nil] what `stop_after` counts, of all of them; nil: there is one, or no limit
    attr_reader :guard

    # @param topic [Routing::Topic]
    # @param partition [Integer]
    def initialize(topic, partition)
      @lock = ::Monitor.new
      @errors = Failures::ErrorsTracker.new(topic, partition)
      @parallel = !topic.parallel.nil?
      limits = @parallel && topic.dead_letter_queue.stop_after
      @guard = Failures::CircuitBreaker.new(limits) if limits
    end

    # A batch begins. Without `parallel` the first delivery of one means that the one before is dealt with.
    # @param attempt [Integer]
    # @return [void]
    def begun(attempt)
      @errors.clear unless @parallel || attempt > 1 || @errors.empty?
    end

    # A batch went through. With `parallel` only one that had failed says that things are well again.
    # @param attempt [Integer]
    # @return [void]
    def succeeded(attempt)
      @guard&.succeeded
      @errors.clear unless @errors.empty? || (@parallel && attempt == 1)
    end
  end
end

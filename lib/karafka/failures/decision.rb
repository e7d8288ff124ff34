# frozen_string_literal: true

module Karafka
  module Failures
    # What is to be done about a batch that failed: a value that {Policy} makes and {Handler} carries out.
    #
    # * `:retry`: the batch comes again after `delay` ms (nil: the back-off), with `alone` one message at a time
    # * `:postpone`: it comes again after `delay` ms, as a {RetryLater} asked for
    # * `:skip`: `message` counts as processed, for that `reason`
    # * `:retry_topic`: `message` goes to the topic's next retry topic
    # * `:dead_letter`: `message` goes to the dead letter queue, or is skipped where that has no topic
    # * `:set_aside`: the same, as an operator has ordered; it does not count for `stop_after`
    #
    # `report` is an exception that is reported before, under `report_type`.
    Decision = Struct.new(:action, :message, :reason, :delay, :alone, :report, :report_type, keyword_init: true) do
      # @param report [Exception]
      # @param type [String] of the event `error.occurred`
      # @return [Decision] the same, reported before it is carried out
      def reporting(report, type)
        self.class.new(**to_h, report: report, report_type: type).freeze
      end
    end
  end
end

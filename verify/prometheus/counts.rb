# frozen_string_literal: true

module Scraping
  # What the journal of a process says that its counters have to be.
  class Counts
    # A line is written a moment before the engine counts, or after it; a busy machine may lie between them.
    SLACK = 1.5

    def initialize(group, topic, dead)
      @of_topic = "{group=\"#{group}\",topic=\"#{topic}\"}"
      @of_dead = "{topic=\"#{dead}\"}"
      @group = group
    end

    # @param life [Fleet::Life]
    # @return [Hash{String=>Proc}] by PromQL: a block that gives the least and the most it may be at a time; at nil, now that all is
    #   quiet, they are the same
    def of(life)
      entries = life.entries
      failed = numbers(entries, "failed")
      # A message that leaves as a dead letter does not come again.
      dead = numbers(entries, "dead")
      { "karafka_consumed_messages_total#{@of_topic}" => range(numbers(entries, "consumed")),
        "karafka_batch_messages_sum#{@of_topic}" => range(numbers(entries, "consumed") + failed),
        "karafka_consumed_batches_total#{@of_topic}" => range(numbers(entries, "consumed").map { |at, _| [at, 1] } +
                                                             failed.map { |at, _| [at, 1] }),
        "karafka_retried_messages_total#{@of_topic}" => range(failed + dead.map { |at, count| [at, -count] }),
        "karafka_dead_letters_total#{@of_topic}" => range(dead),
        "karafka_produced_messages_total#{@of_dead}" => range(numbers(entries, "acknowledged")) }
        .merge(errors(entries))
    end

    private

    def numbers(entries, kind)
      entries.select { |one, _, _| one == kind }.map { |_, at, what| [at, what.to_i] }
    end

    def errors(entries)
      entries.select { |kind, _, _| kind == "error" }.group_by(&:last).to_h do |type, some|
        ["karafka_errors_total{type=\"#{type}\"}", range(some.map { |_, at, _| [at, 1] })]
      end
    end

    def range(counted)
      lambda do |at|
        next [counted.sum(&:last)] * 2 unless at

        upto = ->(time) { counted.select { |moment, _| moment <= time }.sum(&:last) }
        sums = counted.map(&:first).select { |moment| moment.between?(at - SLACK, at + SLACK) }.map(&upto)
        [upto.call(at - SLACK), *sums].minmax
      end
    end
  end
end

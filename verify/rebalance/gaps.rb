# frozen_string_literal: true

module Rebalance
  # What the journals say: who processed which message when. Times in microseconds of the monotonic clock.
  class Gaps
    Row = Struct.new(:member, :at, :number, :offset, :sent)

    # @param journals [Hash{String=>String}] member to file
    def initialize(journals)
      @rows = journals.flat_map do |member, path|
        File.exist?(path) ? File.foreach(path).map { |line| Row.new(member, *line.split.map { |text| Integer(text, 10) }) } : []
      end
      @rows.sort_by!(&:at)
    end

    # @return [Hash{String=>Float}] of each member the longest time between two messages, ms, while it was there
    def by_member
      @rows.group_by(&:member).transform_values { |rows| longest(rows) }
    end

    # @return [Array<Float>] of each partition the longest time between two messages of the same member, ms, sorted
    def of_staying_partitions = of_partitions { |before, after| before.member == after.member }

    # @return [Array<Float>] of each partition that moved the longest time between the last message of the old member and the
    #   first of the new one, ms, sorted
    def of_moved_partitions = of_partitions { |before, after| before.member != after.member }

    # @return [Float] the longest time in which nobody processed anything, ms
    def of_all = longest(@rows)

    # @return [Array<Float>] from send to consume, ms, sorted; deliveries after the first left out
    def waits
      first_deliveries.map { |row| (row.at - row.sent) / 1_000.0 }.sort
    end

    # @return [Integer] messages that were processed more than once
    def repeated = @rows.size - first_deliveries.size

    # @return [Integer] different messages
    def size = first_deliveries.size

    private

    def first_deliveries = @first_deliveries ||= @rows.uniq { |row| [row.number, row.offset] }

    def of_partitions
      all = @rows.group_by(&:number).values.map do |rows|
        rows.each_cons(2).filter_map { |before, after| after.at - before.at if yield(before, after) }.max
      end
      all.compact.map { |gap| gap / 1_000.0 }.sort
    end

    def longest(rows)
      rows.each_cons(2).map { |before, after| after.at - before.at }.max.to_f / 1_000
    end
  end
end

# frozen_string_literal: true

require "time"

module Rebalance
  # What the logs say: when a member was done with a partition, and when another one got it. Other than the gaps between messages it
  # does not contain how busy the machine is.
  class Handovers
    LINE = /\[(?<at>\d{4}-\S+) #\d+\].*: (?<what>assigned|revoked) (?<places>\S.*\])/

    # @param logs [Hash{String=>String}] member to file
    def initialize(logs)
      @steps = logs.flat_map { |member, path| File.exist?(path) ? steps(member, path) : [] }.sort_by { |step| step[:at] }
    end

    # @return [Array<Float>] of each move of a partition the time from revoked to assigned, ms, sorted
    def waits
      @steps.group_by { |step| step[:partition] }.values.flat_map do |steps|
        steps.each_cons(2).filter_map { |before, after| (after[:at] - before[:at]) * 1_000 if moved?(before, after) }
      end.sort
    end

    private

    def moved?(before, after)
      before[:what] == "revoked" && after[:what] == "assigned" && before[:member] != after[:member]
    end

    def steps(member, path)
      File.foreach(path).filter_map { |line| LINE.match(line) }.flat_map do |found|
        at = Time.parse(found[:at])
        found[:places].scan(/\[([\d,]+)\]/).join(",").split(",").map do |number|
          { member: member, what: found[:what], partition: number, at: at }
        end
      end
    end
  end
end

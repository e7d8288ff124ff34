# frozen_string_literal: true

module Consume
  # What must hold, judged from the evidence. Each check gives a list of violations.
  class Checks
    # How long after a broker came back commits of the time before may still be lost, µs.
    AFTERMATH = 15_000_000
    # Commits are sent twice a second; what is older than this was committed before the fault, µs.
    BEFORE = 2_000_000

    # @return [Hash{Symbol=>Integer}] duplicates by cause
    attr_reader :duplicates

    # @param evidence [Evidence]
    # @param incarnations [Array<Fleet::Incarnation>]
    # @param outages [Array<Array(Integer, Integer)>] when a broker was away, µs
    # @param uncommitted [Hash{Integer=>Hash}] by killed incarnation: offset committed by place just before
    def initialize(evidence, incarnations, outages, uncommitted)
      @evidence = evidence
      @incarnations = incarnations.to_h { |incarnation| [incarnation.id, incarnation] }
      @outages = outages
      @uncommitted = uncommitted
      @duplicates = Hash.new(0)
    end

    # @param delivered [Hash{Array(String, Integer)=>Array<Integer>}]
    def lost(delivered)
      delivered.flat_map do |place, offsets|
        offsets.reject { |offset| @evidence.seen?(place, offset) }.map { |offset| "lost: #{place.join("/")} offset #{offset}" }
      end
    end

    # First deliveries come in the order of the partition, whoever makes them; in some topics in the order of each key.
    # @param keyed [Array<String>] names of these topics
    def order(keyed = [])
      @evidence.processed.flat_map do |place, list|
        highest = Hash.new(-1)
        list.sort_by(&:at).uniq(&:offset).filter_map do |entry|
          key = keyed.include?(place.first) && entry.payload[/[^:]+/]
          before = highest[key]
          highest[key] = [before, entry.offset].max
          "out of order: #{place.join("/")} offset #{entry.offset} after #{before}" if entry.offset < before
        end
      end
    end

    # Each further delivery needs a cause.
    def unexplained_duplicates
      @evidence.processed.flat_map do |place, list|
        last = {}
        list.sort_by(&:at).filter_map do |entry|
          earlier = last[entry.offset]
          last[entry.offset] = entry
          next unless earlier

          cause = cause_of(place, earlier, entry)
          @duplicates[cause] += 1
          next unless cause == :unexplained

          "duplicate without a cause: #{place.join("/")} offset #{entry.offset}, by #{earlier.incarnation} at #{earlier.at} " \
            "and by #{entry.incarnation} at #{entry.at}"
        end
      end
    end

    private

    def cause_of(place, earlier, later)
      return :raised if raised_between?(place, earlier, later)
      return :killed if killed_between?(place, earlier, later)
      return :outage if @outages.any? { |from, to| earlier.at <= to + AFTERMATH && later.at >= from && earlier.at >= from - BEFORE }

      :unexplained
    end

    def raised_between?(place, earlier, later)
      @evidence.failures[place].any? { |failure| failure.at.between?(earlier.at, later.at) && failure.from <= earlier.offset }
    end

    # It had processed the message, nobody had committed it.
    def killed_between?(place, earlier, later)
      incarnation = @incarnations.fetch(earlier.incarnation)
      return false unless incarnation.ended == :killed && incarnation.ended_at <= later.at

      earlier.offset >= @uncommitted.fetch(incarnation.id, {}).fetch(place, 0)
    end
  end
end

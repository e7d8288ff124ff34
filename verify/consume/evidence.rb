# frozen_string_literal: true

module Consume
  # What the journals say. Read little by little while the members run, so that commits can be checked as they come.
  class Evidence
    # A message that was processed, by whom and when.
    Processed = Struct.new(:at, :incarnation, :offset, :payload)
    # From this offset on a new delivery was asked for, by an exception.
    Failure = Struct.new(:at, :incarnation, :from)

    # @return [Hash{Array(String, Integer)=>Array<Processed>}]
    attr_reader :processed
    # @return [Hash{Array(String, Integer)=>Array<Failure>}]
    attr_reader :failures

    def initialize
      @processed = Hash.new { |hash, place| hash[place] = [] }
      @failures = Hash.new { |hash, place| hash[place] = [] }
      @seen = Hash.new { |hash, place| hash[place] = {} }
      @frontier = Hash.new(0)
      @positions = Hash.new(0)
    end

    # @param incarnations [Array<Fleet::Incarnation>]
    def read(incarnations)
      incarnations.each { |incarnation| read_on(incarnation) }
    end

    # @return [Integer] first offset of a partition that nobody has processed
    def frontier(place)
      seen = @seen[place]
      @frontier[place] += 1 while seen.key?(@frontier[place])
      @frontier[place]
    end

    def seen?(place, offset) = @seen[place].key?(offset)

    def count = @processed.sum { |_, list| list.size }

    private

    def read_on(incarnation)
      return unless File.exist?(incarnation.journal)

      File.open(incarnation.journal) do |file|
        file.seek(@positions[incarnation.id])
        while (line = file.gets)
          # The rest of the line is still being written, or its writer was killed in the middle.
          break unless line.end_with?("\n")

          @positions[incarnation.id] += line.bytesize
          note(incarnation.id, line)
        end
      end
    end

    def note(incarnation, line)
      kind, at, topic, partition, offset, payload = line.split
      return if %w[A R].include?(kind)

      place = [topic, Integer(partition)]
      return @seen[place][Integer(offset)] = true if kind == "D"
      return @failures[place] << Failure.new(Integer(at), incarnation, Integer(offset)) if kind == "F"

      @processed[place] << Processed.new(Integer(at), incarnation, Integer(offset), payload)
      @seen[place][Integer(offset)] = true
    end
  end
end

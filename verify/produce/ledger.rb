# frozen_string_literal: true

module Produce
  # What the producer said of each message of one key, in the order in which they were sent.
  class Ledger
    attr_reader :key, :failures

    def initialize(key)
      @key = key
      # Partition and offset as one number; -1: failed, nil: no report yet.
      @places = []
      @failures = Hash.new(0)
    end

    def size = @places.size
    def take(count) = (@places.size...(@places.size + count)).each { @places << nil }

    # @param sequence [Integer]
    # @param report [WaterDrop::DeliveryReport]
    def write(sequence, report)
      if report.error
        @places[sequence] = -1
        @failures[report.error.code] += 1
      else
        @places[sequence] = (report.partition << 48) | report.offset
      end
    end

    def unreported = @places.count(nil)
    def failed = @places.count(-1)

    # @param stored [Hash{Integer=>Array<Integer>}] places of each message that is in the topic
    # @return [Array<String>] what is wrong
    def violations(stored)
      last = -1
      @places.each_with_index.flat_map do |place, sequence|
        found = stored[sequence] || []
        name = "#{key}:#{sequence}"
        next ["no report: #{name}"] unless place
        next [] if place == -1

        wrong = []
        wrong << "#{name} was reported at #{show(place)} and is at [#{found.map { |at| show(at) }.join(", ")}]" unless found == [place]
        wrong << "#{name} comes before its predecessor" if place < last
        last = place
        wrong
      end
    end

    private

    def show(place) = "#{place >> 48}/#{place & ((1 << 48) - 1)}"
  end
end

# frozen_string_literal: true

module Karafka
  module Cli
    module Replay
      # What became of the messages of a replay.
      class Tally
        # @return [Hash{String=>Integer}] messages sent by topic
        attr_reader :topics
        # @return [Hash{Symbol=>Integer}] messages that were not sent by reason
        attr_reader :staying

        def initialize
          @topics = Hash.new(0)
          @staying = Hash.new(0)
        end

        # @param batch [Array<Hash{Symbol=>Object}>]
        # @return [void]
        def sent(batch)
          batch.each { |message| @topics[message[:topic]] += 1 }
        end

        # @param reason [Symbol]
        # @return [void]
        def stays(reason)
          @staying[reason] += 1
        end

        # @return [Integer] messages sent
        def total = @topics.values.sum
      end
    end
  end
end

# frozen_string_literal: true

module Karafka
  module Instrumentation
    # librdkafka stores no offsets here, so its statistics know neither stored nor committed offsets, and therefore no lag. The
    # engine knows.
    module Lag
      class << self
        # @param statistics [Hash{String=>Object}] of one client; filled in
        # @param offsets [Array<(String, Integer, Integer, Integer, Integer)>] topic, partition, what is marked, what is committed
        #   and where the first message is that is not processed; -1: unknown
        # @return [Hash{String=>Object}] the same
        def fill(statistics, offsets)
          offsets.each do |topic, number, marked, committed, following|
            partition = statistics.dig("topics", topic, "partitions", number.to_s)
            complete(partition, marked, committed, following) if partition
          end
          statistics
        end

        private

        def complete(partition, marked, committed, following)
          partition["stored_offset"] = marked unless marked.negative?
          partition["committed_offset"] = committed unless committed.negative?
          finish = known(partition["ls_offset"], partition["hi_offset"]) or return
          # Where this assignment has committed nothing yet, it began where the group was.
          { "consumer_lag" => committed, "consumer_lag_stored" => marked }.each do |name, offset|
            at = known(offset, following, partition["next_offset"])
            partition[name] = [finish - at, 0].max if at
          end
        end

        def known(*offsets)
          offsets.find { |offset| offset && !offset.negative? }
        end
      end
    end
  end
end

# frozen_string_literal: true

module Karafka
  module Cli
    module Groups
      # What waits in partitions in which a group has committed nothing: a batch that fails from the first message on looks like no lag.
      class Uncommitted
        # @param lags [Hash] of {Admin::ConsumerGroups#read_lags_with_offsets}
        # @param admin [Admin]
        # @raise [Errors::KafkaError]
        def initialize(lags, admin)
          @partitions = lags.flat_map { |group, topics| topics.map { |topic, rows| [[group, topic], without_commit(rows)] } }.to_h
          wanted = @partitions.each_with_object({}) { |((_, topic), numbers), all| all[topic] = all.fetch(topic, []) | numbers }
          wanted.reject! { |_, numbers| numbers.empty? }
          @ends = wanted.empty? ? {} : admin.read_watermark_offsets(wanted)
        end

        # @param row [Hash{Symbol=>Object}] `group` and `topic`
        # @return [Integer] messages
        def count(row) = counts(row).values.sum

        # @param row [Hash{Symbol=>Object}] `group` and `topic`
        # @return [String, nil] for people; nil where nothing waits
        def line(row)
          found = counts(row)
          return if found.empty?

          "#{row[:topic]}: #{Amount.of(found.values.sum, "message")} more where #{row[:group]} has committed nothing " \
            "(#{Amount.word(found.size, "partition")} #{found.keys.sort.join(", ")})"
        end

        private

        def without_commit(rows) = rows.select { |_, row| row[:offset].negative? }.keys

        def counts(row)
          numbers = @partitions.fetch(row.values_at(:group, :topic))
          counts = numbers.to_h { |number| [number, @ends[row[:topic]][number].reverse.reduce(:-)] }
          counts.select { |_, count| count.positive? }
        end
      end
    end
  end
end

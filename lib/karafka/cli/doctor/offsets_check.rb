# frozen_string_literal: true

module Karafka
  module Cli
    module Doctor
      # Where the groups are: committed offsets that the log does not have, messages that nobody consumes, and those that are about to
      # be deleted before they are processed.
      class OffsetsCheck < Check
        # Of the time that the topic keeps messages.
        NEAR_THE_END = 0.8
        # Partitions whose next message is looked at for its age, the furthest behind first.
        MOST_AGES = 5
        private_constant :NEAR_THE_END, :MOST_AGES

        # @return [void]
        def call
          cluster.described.each_value do |group|
            rows = committed(group.id)
            logs = watermarks(rows)
            rows.each { |row| range(group, row, *logs[row.topic][row.partition]) }
            behind(group, rows, logs)
          end
        end

        private

        def committed(group)
          topics = cluster.routed[group]
          rows = admin.consumer_groups.committed_offsets(group)
          rows = rows.select { |row| topics.any? { |topic| topic.matches?(row.topic) } } if topics
          rows.select { |row| cluster.topics[row.topic]&.fetch(:partition_count)&.>(row.partition) }
        end

        def watermarks(rows)
          wanted = rows.group_by(&:topic).transform_values { |found| found.map(&:partition) }
          wanted.empty? ? {} : admin.topics.read_watermark_offsets(wanted)
        end

        def range(group, row, low, high)
          place = "group #{group.id}, #{row.topic}/#{row.partition}"
          if row.offset > high
            error(place, "it has committed #{row.offset}, and the log ends at #{high}: the topic was made anew, or lost its end",
                  "the partition begins where `initial_offset` says; to read all of it stop the group, then `karafka groups seek " \
                  "#{group.id} --topic #{row.topic} --to earliest`")
          elsif row.offset < low
            error(place, "it has committed #{row.offset}, and the log begins at #{low}: #{low - row.offset} offsets were deleted before " \
                         "they were processed",
                  "let the topic keep messages longer (retention.ms, retention.bytes), and look why the group is behind")
          end
        end

        def behind(group, rows, logs)
          late = rows.filter_map do |row|
            low, high = logs[row.topic][row.partition]
            [row, high - row.offset] if row.offset.between?(low, high - 1)
          end
          return if late.empty?

          lag = late.sum(&:last)
          alone = "it has no members, and is #{Amount.of(lag, "message")} behind"
          warning("group #{group.id}", alone, "start `karafka server`, or look why it has ended") unless group.active?
          late.max_by(MOST_AGES, &:last).each { |row, _| retention(group, row) }
        end

        def retention(group, row)
          kept = cluster.topic_settings.dig(row.topic, "retention.ms").to_i
          return unless kept.positive?

          written = admin.read_topic(row.topic, row.partition, 1, row.offset).first&.timestamp or return
          age = ((Time.now - written) * 1_000).round
          return if age < kept * NEAR_THE_END

          warning("group #{group.id}, #{row.topic}/#{row.partition}",
                  "the next message is #{age / 1_000} s old, and retention.ms is #{kept}: it may be deleted before it is processed",
                  "raise retention.ms until the group has caught up: `karafka groups lag #{group.id} --watch 5`")
        end
      end
    end
  end
end

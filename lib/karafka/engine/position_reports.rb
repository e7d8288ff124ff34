# frozen_string_literal: true

module Karafka
  class Engine
    # A partition's position has moved without its consumer: back, to a new topic, or over messages that are gone.
    module PositionReports
      # What becomes of a topic that was made again.
      RECREATED = {
        beginning: "are read from their beginning", end: "are read from their end, as `on_topic_recreated` says",
        error: "are not read, as `on_topic_recreated` says"
      }.freeze
      private_constant :RECREATED

      private

      def went_back(event)
        place = "#{event[:topic]}/#{event[:partition]}"
        failure = Errors::EngineError.new(
          "#{place} goes on from offset #{event[:offset]}, though this process had committed #{event[:committed]}: the offset was " \
          "moved back from outside, the group's offsets expired, the topic was created anew, or a broker that was not in sync became " \
          "the leader. The messages between come again"
        )
        place = event.slice(:topic, :partition, :offset, :committed)
        Instrumentation::Safely.error(failure, "connection.offset_went_back.error", **owner_of(event), **place)
      end

      # The engine reads the new topic from its beginning.
      def recreated(event)
        topic, partitions, old, new = event.values_at(:topic, :partitions, :old_id, :new_id)
        ids = old && new ? " (topic id #{old}, now #{new})" : ""
        failure = Errors::EngineError.new(
          "the topic #{topic} was deleted and made again#{ids}. Its partitions #{partitions.join(", ")} " \
          "#{RECREATED.fetch(event[:on_recreated])}, and what was marked of the old topic is forgotten"
        )
        place = { topic: topic, partitions: partitions, old_id: old, new_id: new }
        Instrumentation::Safely.error(failure, "connection.topic_recreated.error", **owner_of(event), **place)
      end

      # Messages were deleted before they were read.
      def overtaken(event)
        first = event[:from]
        count = event[:to] - first
        failure = Errors::EngineError.new(
          "#{event[:topic]}/#{event[:partition]}: the messages from offset #{first} to #{event[:to] - 1} (#{count} offsets) were " \
          "deleted before they were read. The topic's retention is shorter than this consumer was behind. It goes on at #{event[:to]}"
        )
        place = { topic: event[:topic], partition: event[:partition], first_offset: first, last_offset: event[:to] - 1, count: count }
        Instrumentation::Safely.error(failure, "connection.messages_lost.error", **owner_of(event), **place)
      end
    end
    private_constant :PositionReports
  end
end

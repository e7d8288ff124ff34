# frozen_string_literal: true

module Karafka
  module Cli
    module Doctor
      # Topics in which messages wait, those of `retry_topics`, `active_job_delays` and `delay_by`: whether Kafka keeps a message as long
      # as it has to wait, and for an outage beyond that.
      class DelaysCheck < Check
        # How long nobody may consume before what waits is lost, ms: an hour is soon over at night.
        OUTAGE_MS = 3_600_000
        private_constant :OUTAGE_MS

        # @return [void]
        def call
          cluster.routes.select(&:delaying?).reject(&:pattern?).uniq(&:subscription_name).each do |topic|
            settings = cluster.topic_settings[topic.subscription_name] or next
            # Compacted topics keep the last message of each key.
            next unless settings["cleanup.policy"].to_s.include?("delete")

            age(topic, settings["retention.ms"].to_i)
            size(topic, settings["retention.bytes"].to_i)
          end
        end

        private

        def age(topic, kept)
          return if kept.negative?

          subject = "topic #{topic.subscription_name}"
          waits = "each message waits there for #{topic.delay_by} ms, and retention.ms is #{kept}"
          step = "set retention.ms to #{topic.delay_by + OUTAGE_MS} at least, better to days: `karafka topics plan` shows what the " \
                 "routes declare"
          return error(subject, "#{waits}: it may be deleted before its time has come", step) if kept <= topic.delay_by
          return if kept >= topic.delay_by + OUTAGE_MS

          warning(subject, "#{waits}: it is lost where nobody consumes for #{(kept - topic.delay_by) / 1_000} s", step)
        end

        def size(topic, bytes)
          return if bytes.negative?

          warning("topic #{topic.subscription_name}",
                  "messages wait there for #{topic.delay_by} ms, and retention.bytes is #{bytes}: above that the oldest are deleted, " \
                  "whether their time has come or not",
                  "set retention.bytes of the topic to -1")
        end
      end
    end
  end
end

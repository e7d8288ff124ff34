# frozen_string_literal: true

module Karafka
  module Cli
    module Doctor
      # Whether the topics of the routes exist, and those that failed messages go to; and whether they can be written and read.
      class TopicsCheck < Check
        # @return [void]
        def call
          known = cluster.topics
          there = known.keys + denied
          absent(cluster.consumed - there, "no message of it is consumed")
          absent(cluster.moved_to - there - cluster.consumed, "messages that fail stay in their partition, which waits")
          patterns(known.keys)
          named = cluster.needed
          known.each { |name, topic| health(topic) if named.empty? || named.include?(name) }
        end

        private

        # They are not listed, and may exist.
        def denied = cluster.rights[:topics].select { |_, right| right[:error] == "topic_authorization_failed" }.keys

        def absent(names, meaning)
          names.each do |name|
            error("topic #{name}", "it does not exist: #{meaning}",
                  "compare the name with `karafka topics list`, or create it: `karafka topics plan` shows what is declared")
          end
        end

        def patterns(names)
          cluster.routes.select(&:pattern?).each do |topic|
            next if names.any? { |name| topic.matches?(name) }

            warning("topic #{topic.name}", "no topic matches the pattern", "compare it with `karafka topics list`")
          end
        end

        def health(topic)
          least = cluster.topic_settings.dig(topic[:topic_name], "min.insync.replicas").to_i
          Topics::Health.findings(topic, least).each do |found|
            # One replica is a choice.
            next unless found[:severity] == "error"

            error("topic #{topic[:topic_name]}", found[:text], "start the broker that is missing, or look at its log")
          end
        end
      end
    end
  end
end

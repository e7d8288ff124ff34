# frozen_string_literal: true

module Karafka
  module Cli
    module Topics
      # What looks at topics and changes nothing: `karafka topics list`, `describe`, `health`.
      class Inspection
        include Cluster

        HEADING = ["partition", "leader", "replicas", "in sync", "first offset", "next offset", "messages at most"].freeze
        private_constant :HEADING

        # @return [Integer] exit status
        def list
          rows = admin.cluster_info.topics.map do |topic|
            { topic: topic[:topic_name], partitions: topic[:partition_count], replicas: replicas(topic),
              declared: managed.key?(topic[:topic_name]) }
          end
          return json(topics: rows) if json?

          @terminal.table(%w[topic partitions replicas declared], rows.map { |row| [*row.values.first(3), row[:declared] ? "yes" : ""] })
          OK
        end

        # @param name [String]
        # @return [Integer] exit status
        def describe(name)
          info = admin.topic_info(name)
          partitions = with_offsets(info)
          settings = configs([name]).fetch(name).reject(&:default?).to_h { |setting| [setting.name, setting.value] }
          return json(topic: name, topic_id: info[:topic_id], partitions: partitions, settings: settings) if json?

          @terminal.say "#{name} (#{info[:topic_id]}), #{Amount.of(info[:partition_count], "partition")}"
          @terminal.table(HEADING, partitions.map { |partition| row(partition) })
          @terminal.say "", "Settings that differ from the broker's:" unless settings.empty?
          settings.each { |setting, value| @terminal.say "  #{setting}: #{value}" }
          OK
        end

        # @return [Integer] exit status: 1 where something cannot be written
        def health
          topics = admin.cluster_info.topics
          findings = findings(topics)
          status = findings.any? { |finding| finding[:severity] == "error" } ? FAILED : OK
          return json({ findings: findings }, status) if json?

          findings.each { |finding| @terminal.say(shown(finding)) }
          @terminal.say "#{Amount.of(topics.size, "topic")}, nothing wrong" if findings.empty?
          status
        end

        private

        def with_offsets(info)
          offsets = admin.read_watermark_offsets(info[:topic_name] => info[:partitions].map { |partition| partition[:partition_id] })
          info[:partitions].map do |partition|
            first, following = offsets.fetch(info[:topic_name]).fetch(partition[:partition_id])
            partition.merge(first_offset: first, next_offset: following)
          end
        end

        def row(partition)
          first, following = partition.values_at(:first_offset, :next_offset)
          [partition[:partition_id], partition[:leader], partition[:replicas].join(","), partition[:isrs].join(","), first, following,
           following - first]
        end

        def findings(topics)
          settings = configs(topics.map { |topic| topic[:topic_name] })
          topics.flat_map do |topic|
            least = settings.fetch(topic[:topic_name]).find { |setting| setting.name == "min.insync.replicas" }
            Health.findings(topic, Integer(least&.value || 1))
          end
        end

        def shown(finding)
          @terminal.paint("#{finding[:severity]}: #{finding[:topic]}: #{finding[:text]}", finding[:severity] == "error" ? :red : :yellow)
        end
      end
    end
  end
end

# frozen_string_literal: true

module Karafka
  module Cli
    module Replay
      # Which consumer groups read a topic.
      module Readers
        class << self
          # @param admin [Admin]
          # @param topic [String]
          # @return [Array<String>] groups that have committed there, or whose members are assigned partitions of it
          # @raise [Errors::KafkaError]
          def of(admin, topic)
            names = admin.consumer_groups.list.map(&:id).reject { |name| name.start_with?(Journal::PREFIX) }
            return [] if names.empty?

            (committed(admin, names, topic) | assigned(admin, names, topic)).sort
          end

          private

          def committed(admin, names, topic)
            lags = admin.read_lags_with_offsets(names.to_h { |name| [name, [topic]] })
            lags.select { |_, topics| topics.fetch(topic, {}).any? { |_, row| row[:offset] >= 0 } }.keys
          end

          def assigned(admin, names, topic)
            groups = admin.consumer_groups.describe(names)
            groups.select { |group| group.members.any? { |member| member.assignment.key?(topic) } }.map(&:id)
          end
        end
      end
    end
  end
end

# frozen_string_literal: true

module Karafka
  class Diagnosis
    # Errors of a group, a topic or a client, besides connections and rights.
    module Groups
      # Repeated until somebody does something.
      LASTING = %i[inconsistent_group_protocol unreleased_instance_id].freeze
      TOPICS = %i[unknown_topic unknown_topic_or_part auto_offset_reset].freeze
      OF_A_GROUP = %i[inconsistent_group_protocol fenced_instance_id unreleased_instance_id].freeze
      private_constant :TOPICS, :OF_A_GROUP

      class << self
        # @param code [Symbol]
        # @return [Symbol]
        def about(code)
          return :topic if TOPICS.include?(code)

          OF_A_GROUP.include?(code) ? :group : :client
        end

        # @param code [Symbol]
        # @param kafka [Hash{Symbol=>Object}]
        # @param topic [String, nil]
        # @param group [String, nil]
        # @return [String, nil]
        def advice(code, kafka, topic:, group:)
          case code
          when :unknown_topic, :unknown_topic_or_part
            "If the topic does not exist, create it: kafka-topics --create --topic #{topic}" unless group
          when :inconsistent_group_protocol then inconsistent(kafka, group)
          when :fenced_instance_id, :unreleased_instance_id
            "another member of the group #{group} uses the same \"group.instance.id\" #{kafka[:"group.instance.id"].inspect}. " \
            "Give each process its own, such as \"orders-%{hostname}\"" # rubocop:disable Style/FormatStringToken
          end
        end

        private

        def inconsistent(kafka, group)
          return protocols(group) if kafka[:"group.protocol"].to_s.casecmp?("consumer")

          mine = kafka[:"partition.assignment.strategy"] || "range,roundrobin"
          "the members of the group #{group} have no \"partition.assignment.strategy\" in common; here it is \"#{mine}\". A group " \
            "changes without a standstill in two deploys: first to a list that has both, such as \"range,roundrobin\", then to the new " \
            "one. \"cooperative-sticky\" cannot be listed with others: stop all members before, or take \"group.protocol\": " \
            "\"consumer\" instead, which the broker mixes with the others meanwhile"
        end

        def protocols(group)
          "other members of the group #{group} use a protocol that the broker does not mix with \"group.protocol\": \"consumer\" " \
            "(group.consumer.migration.policy of the broker, or a strategy of their own). Stop them before you change"
        end
      end
    end
    private_constant :Groups
  end
end

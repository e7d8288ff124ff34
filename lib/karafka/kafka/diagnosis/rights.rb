# frozen_string_literal: true

module Karafka
  class Diagnosis
    # What a broker does not allow: which right is missing, whose it would be, and what it is on.
    module Rights
      ABOUT = {
        topic_authorization_failed: :topic, group_authorization_failed: :group, cluster_authorization_failed: :client,
        transactional_id_authorization_failed: :client
      }.freeze
      private_constant :ABOUT

      class << self
        # @param code [Symbol]
        # @return [Symbol]
        def about(code) = ABOUT.fetch(code)

        # @param code [Symbol]
        # @param kafka [Hash{Symbol=>Object}]
        # @param topic [String, nil]
        # @param group [String, nil]
        # @param writes [Boolean]
        # @return [String, nil]
        def advice(code, kafka, topic:, group:, writes:)
          case code
          when :topic_authorization_failed
            "#{user(kafka)} needs the right to #{writes ? "WRITE to" : "READ"} the topic#{" #{topic}" if topic} (an ACL)"
          when :group_authorization_failed then "#{user(kafka)} needs the right to READ the group #{group || kafka[:"group.id"]} (an ACL)"
          when :cluster_authorization_failed
            "#{user(kafka)} needs the right to IDEMPOTENT_WRITE on the cluster or to WRITE to a topic (an ACL)"
          when :transactional_id_authorization_failed
            "#{user(kafka)} needs the right to WRITE and DESCRIBE the \"transactional.id\" #{kafka[:"transactional.id"]} (an ACL)"
          end
        end

        private

        def user(kafka)
          name = kafka[:"sasl.username"]
          name ? "the user of \"sasl.username\", #{name}," : "the user of this client (\"sasl.username\" is not set)"
        end
      end
    end
    private_constant :Rights
  end
end

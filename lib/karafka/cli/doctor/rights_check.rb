# frozen_string_literal: true

module Karafka
  module Cli
    module Doctor
      # What the brokers let this client do with the topics and groups of the routes.
      class RightsCheck < Check
        # @return [void]
        def call
          needs(:topics, cluster.consumed, "read", "topic")
          needs(:topics, cluster.moved_to, "write", "topic")
          needs(:groups, cluster.groups, "read", "group")
        end

        private

        def needs(kind, names, operation, what)
          names.each do |name|
            right = cluster.rights[kind][name] or next
            denied = right[:error].to_s.end_with?("_authorization_failed")
            next unless denied || (right[:operations] && !right[:operations].include?(operation))

            error("#{what} #{name}", "#{who} may not #{operation.upcase} it#{" nor see it" if denied}",
                  "add an ACL: `kafka-acls --add --allow-principal User:#{user || "NAME"} --operation #{operation.capitalize} " \
                  "--#{what} #{name}`#{", and compare the name: Kafka does not say whether it exists" if denied}")
          end
        end

        def user = cluster.kafka[:"sasl.username"]
        def who = user ? "the user of \"sasl.username\", #{user}," : "this client (\"sasl.username\" is not set)"
      end
    end
  end
end

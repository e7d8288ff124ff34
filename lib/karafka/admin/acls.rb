# frozen_string_literal: true

module Karafka
  class Admin
    # Rules that say who may do what, on brokers that have an authorizer.
    class Acls < Area
      LOOK = 0.02
      ANY = Acl.new(resource_type: :any, resource_pattern_type: :any, operation: :any, permission_type: :any, host: nil)
      private_constant :LOOK, :ANY

      # Returns when the brokers show the rule.
      # @param acl [Acl]
      # @return [Array<Acl>] the rule
      # @raise [Errors::KafkaError] `code` is :security_disabled where brokers check no rights, …
      def create(acl)
        @connection.session do |session|
          session.ask(:create_acl, **engine(acl))
          until_shown(session) { found(session.ask(:describe_acls, **engine(acl))).include?(acl) }
        end
        [acl]
      end

      # Returns when the brokers are without the rules.
      # @param filter [Acl]
      # @return [Array<Acl>] the rules that were deleted
      # @raise [Errors::KafkaError]
      def delete(filter)
        @connection.session do |session|
          deleted = found(session.ask(:delete_acls, **engine(filter)))
          until_shown(session) { (found(session.ask(:describe_acls, **engine(filter))) & deleted).empty? }
          deleted
        end
      end

      # @param filter [Acl]
      # @return [Array<Acl>]
      # @raise [Errors::KafkaError]
      def describe(filter)
        found(ask(:describe_acls, **engine(filter)))
      end

      # @return [Array<Acl>] all rules
      # @raise [Errors::KafkaError]
      def all
        describe(ANY)
      end

      on_application :create, :delete, :describe, :all

      private

      def engine(acl)
        Setup.invalid!("the rule", acl, "a Karafka::Admin::Acl") unless acl.is_a?(Acl)

        acl.to_h.transform_values { |value| value.is_a?(Symbol) ? value.to_s : value }
      end

      def found(rows)
        # A kind of a newer broker cannot be told apart from others.
        known = rows.reject { |row| row.value?("unknown") }
        known.map { |row| Acl.new(**row) }
      end

      def until_shown(session)
        sleep(LOOK) until yield || session.left_ms <= 0
      end
    end
  end
end

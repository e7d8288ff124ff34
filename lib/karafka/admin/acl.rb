# frozen_string_literal: true

module Karafka
  class Admin
    # A rule that says who may do what, or (with :any, and nil for any name) a filter for such rules.
    class Acl
      # What each part may be. Kafka itself calls what `:consumer_group` stands for a group, and the cluster belongs to `:broker`.
      PARTS = {
        resource_type: %i[any topic consumer_group broker transactional_id],
        resource_pattern_type: %i[any match literal prefixed],
        operation: %i[any all read write create delete alter describe cluster_action describe_configs alter_configs idempotent_write],
        permission_type: %i[any allow deny]
      }.freeze
      NAMES = { group: :consumer_group, cluster: :broker }.freeze
      private_constant :PARTS, :NAMES

      class << self
        # @param acl [Acl]
        # @return [Array<Acl>] as {Acls#create}
        def create(acl) = areas.create(acl)

        # @param filter [Acl]
        # @return [Array<Acl>] as {Acls#delete}
        def delete(filter) = areas.delete(filter)

        # @param filter [Acl]
        # @return [Array<Acl>] as {Acls#describe}
        def describe(filter) = areas.describe(filter)

        # @return [Array<Acl>] as {Acls#all}
        def all = areas.all

        private

        def areas = Acls.new(Connection.new)
      end

      # @return [Symbol]
      attr_reader :resource_type, :resource_pattern_type, :operation, :permission_type
      # @return [String, nil]
      attr_reader :resource_name, :principal, :host

      # @param resource_type [Symbol] :topic, :consumer_group, :broker, :transactional_id, :any
      # @param resource_name [String, nil] "*" of a rule stands for all; nil of a filter for any
      # @param resource_pattern_type [Symbol] :literal, :prefixed; of a filter also :match and :any
      # @param principal [String, nil] such as "User:alice"
      # @param host [String, nil] "*" for all
      # @param operation [Symbol] :read, :write, :describe, :all, …
      # @param permission_type [Symbol] :allow, :deny; of a filter also :any
      # @raise [Errors::InvalidConfigurationError]
      def initialize(resource_type:, operation:, resource_name: nil, resource_pattern_type: :literal, principal: nil, host: "*",
                     permission_type: :allow)
        @resource_type = part(:resource_type, NAMES.fetch(resource_type.to_sym, resource_type))
        @resource_name = resource_name&.to_s
        @resource_pattern_type = part(:resource_pattern_type, resource_pattern_type)
        @principal = principal
        @host = host
        @operation = part(:operation, operation)
        @permission_type = part(:permission_type, permission_type)
      end

      # @return [Hash{Symbol=>Object}]
      def to_h
        { resource_type: resource_type, resource_name: resource_name, resource_pattern_type: resource_pattern_type, principal: principal,
          host: host, operation: operation, permission_type: permission_type }
      end

      # @param other [Object]
      # @return [Boolean]
      def ==(other)
        other.is_a?(Acl) && other.to_h == to_h
      end
      alias eql? ==

      # @return [Integer]
      def hash = to_h.hash

      # @return [String]
      def inspect
        "#<#{self.class} #{permission_type} #{principal || "anybody"} from #{host || "anywhere"}: #{operation} #{resource_type} " \
          "#{resource_name || "of any name"} (#{resource_pattern_type})>"
      end

      private

      def part(name, value)
        allowed = PARTS.fetch(name)
        return value.to_sym if value.respond_to?(:to_sym) && allowed.include?(value.to_sym)

        Setup.invalid!(name, value, "one of #{allowed.map(&:inspect).join(", ")}")
      end
    end
  end
end

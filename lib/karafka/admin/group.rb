# frozen_string_literal: true

module Karafka
  class Admin
    # A consumer group, as its coordinator describes it.
    class Group
      # A consumer in the group.
      class Member
        # @return [String]
        attr_reader :id, :client_id, :host
        # @return [String, nil] of static membership
        attr_reader :instance_id
        # @return [Hash{String=>Array<Integer>}] partitions by topic
        attr_reader :assignment

        # @api private
        def initialize(member_id:, client_id:, instance_id:, host:, assignment:)
          @id = member_id
          @client_id = client_id
          @instance_id = instance_id
          @host = host.delete_prefix("/")
          @assignment = assignment
        end

        # @return [String] for people
        def to_s
          partitions = assignment.map { |topic, numbers| "#{topic} #{numbers.join(", ")}" }
          "#{instance_id || client_id} at #{host} (#{partitions.empty? ? "no partitions" : partitions.join("; ")})"
        end
      end

      # @return [String]
      attr_reader :id
      # @return [Symbol] :stable, :empty, :preparing_rebalance, :completing_rebalance, :dead (also: it does not exist), :unknown
      attr_reader :state
      # @return [Symbol] :classic, :consumer (KIP-848), :unknown
      attr_reader :type
      # @return [String] how partitions are shared, such as "range"
      attr_reader :assignor
      # @return [Integer] the broker that coordinates it; -1: not known
      attr_reader :coordinator
      # @return [Array<Member>]
      attr_reader :members

      # @api private
      def initialize(group:, state:, type:, assignor:, coordinator:, members:, error: nil)
        raise ArgumentError, "the group #{group} has an error" if error

        @id = group
        @state = state.to_sym
        @type = type.to_sym
        @assignor = assignor
        @coordinator = coordinator
        @members = members.map { |member| Member.new(**member) }
      end

      # @return [Boolean] whether it has members
      def active?
        members.any?
      end
    end
  end
end

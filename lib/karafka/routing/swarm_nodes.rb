# frozen_string_literal: true

module Karafka
  module Routing
    # Which nodes of a swarm consume a topic. Elsewhere it means nothing: `karafka server` consumes all topics.
    class SwarmNodes
      EXAMPLES = "Integers of at least 0, such as [0, 1] or 0..2, or, for a topic with `assign`, { 0 => [0, 1], 1 => [2, 3] }"
      private_constant :EXAMPLES

      # @return [Array<Integer>] numbers of nodes, from 0
      attr_reader :nodes

      # @param label [String] what the user calls the place, for messages
      # @param nodes [Array<Integer>, Range, Hash{Integer=>Array<Integer>, Range}]
      # @raise [Errors::InvalidConfigurationError]
      def initialize(label, nodes)
        @partitions = nodes.transform_values { |numbers| list(numbers) } if nodes.is_a?(Hash)
        @nodes = list(@partitions ? @partitions.keys : nodes)&.uniq
        Setup.invalid!("#{label} nodes", nodes, EXAMPLES) unless [@nodes, *@partitions&.values].all? { |numbers| numbers&.any? }
      end

      # @param node [Swarm::Node, nil] nil: this process is none
      # @return [Boolean]
      def include?(node)
        node.nil? || @nodes.include?(node.id)
      end

      # @return [Boolean] whether it says who has which partition
      def partitions?
        !@partitions.nil?
      end

      # @param node [Swarm::Node, nil]
      # @return [Array<Integer>, nil] nil: what the topic says
      def partitions(node)
        @partitions[node.id] if @partitions && node
      end

      # @return [Hash{Symbol=>Object}]
      def to_h
        { nodes: @partitions || @nodes }
      end

      private

      # @return [Array<Integer>, nil] nil: these are no numbers
      def list(given)
        numbers = given.is_a?(Range) && given.end.is_a?(Integer) && given.begin.is_a?(Integer) ? given.to_a : given
        numbers if numbers.is_a?(Array) && numbers.all? { |number| number.is_a?(Integer) && number.between?(0, Setup::Types::MOST) }
      end
    end
  end
end

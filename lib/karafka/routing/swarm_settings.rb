# frozen_string_literal: true

module Karafka
  module Routing
    # Settings of a layer: which nodes of a swarm consume it.
    module SwarmSettings
      # @param nodes [Array<Integer>, Range, Hash{Integer=>Array<Integer>, Range}] numbers of nodes, from 0. With a Hash each node
      #   gets the partitions of its own, of a topic with `assign`
      # @return [SwarmNodes] without arguments: what holds here, by default all nodes
      # @raise [Errors::InvalidConfigurationError]
      def swarm(*others, nodes: UNSET, **unknown)
        no_others!(:swarm, unknown.keys, %i[nodes])
        Setup.invalid!("#{@label} swarm", others.first, "given as nodes: [0, 1]") if others.any?
        return @own[:swarm] = SwarmNodes.new("#{@label} swarm", nodes) unless UNSET.equal?(nodes)

        reading!(:swarm, "swarm nodes: [0, 1]")
        setting(:swarm) || SwarmNodes.new(@label, 0...App.config.swarm.nodes)
      end
    end
  end
end

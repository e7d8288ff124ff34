# frozen_string_literal: true

module Karafka
  module Swarm
    # What would make a node fail at once, found before there is one: it would be started again and again.
    class Checks
      # @param limits [Setup::Config::Swarm]
      def initialize(limits)
        @limits = limits
      end

      # @return [void]
      # @raise [Errors::InvalidConfigurationError]
      def call
        # The command line may have changed the number of nodes.
        Routing::Contract.new(App.routes).check!(classes_by_name: true)
        memory!
        Array.new(@limits.nodes) { |id| routes!(id) }
      end

      private

      def memory!
        return if @limits.node_memory_limit.nil? || Processes.memory?

        Setup.invalid!("config.swarm.node_memory_limit", @limits.node_memory_limit,
                       "nil on this system, which does not say how much memory a process has")
      end

      # Checked as the node itself will.
      def routes!(id)
        former = @limits.node
        @limits.node = Node.new(id, nil, nil)
        Engine::Config.new.to_h
      rescue Errors::InvalidConfigurationError => e
        raise if @limits.nodes == 1

        raise Errors::InvalidConfigurationError, "node #{id} of the swarm (config.swarm.nodes is #{@limits.nodes}): #{e.message}"
      ensure
        @limits.node = former
      end
    end
    private_constant :Checks
  end
end

# frozen_string_literal: true

module Karafka
  module Cli
    # `karafka swarm`
    class SwarmCommand < ServerCommand
      # (see ServerCommand#call)
      def call
        Swarm.ensure_supported!
        super
      end

      private

      def new_runtime = Swarm::Supervisor.new

      def run(supervisor)
        App.config.swarm.nodes = @options["nodes"] if @options["nodes"]
        super
      end
    end
  end
end

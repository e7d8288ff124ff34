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

      def run
        App.config.swarm.nodes = @options["nodes"] if @options["nodes"]
        Karafka::Server.run(Swarm::Supervisor.new)
      end
    end
  end
end

# frozen_string_literal: true

module Karafka
  module Swarm
    # What a node does, in its own process.
    class NodeProcess
      # Between two signs of life, ms.
      BEAT_MS = 1_000
      # What a node without a supervisor gets on top of `shutdown_timeout` before it is cut off, ms.
      ORPHAN_GRACE_MS = 5_000
      private_constant :BEAT_MS, :ORPHAN_GRACE_MS

      # @param node [Node]
      # @param beats [IO] where its signs of life go
      # @param lifeline [IO] which ends with the supervisor
      def initialize(node, beats, lifeline)
        @node = node
        @beats = beats
        @lifeline = lifeline
      end

      # @return [Integer] exit status
      def run
        supervisor = ::Process.ppid
        heartbeat = Native::Heartbeat.new([@beats.fileno, @lifeline.fileno], supervisor, BEAT_MS, longest_stop, ORPHANED)
        introduce
        status = Server.run(Runtime.new(mode: :swarm) { |engine| engine.report_to(heartbeat) })
        ::Process.ppid == supervisor ? status : ORPHANED
      rescue Errors::BaseError => e
        Instrumentation::Safely.error(e, "swarm.node.error", caller: @node)
        1
      end

      private

      def introduce
        # All nodes would draw the same random numbers.
        srand
        App.config.swarm.node = @node
        Process.tags.add(:swarm_nodeid, "node:#{@node.id}")
        Instrumentation::Safely.instrument("swarm.node.after_fork", { caller: self, node: @node })
      end

      def longest_stop
        limit = App.config.shutdown_timeout
        limit + ORPHAN_GRACE_MS unless limit.negative?
      end
    end
    private_constant :NodeProcess
  end
end

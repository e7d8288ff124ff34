# frozen_string_literal: true

module Karafka
  module Swarm
    # Keeps the nodes running: looks at each of them, ends those that do not work and starts those that have ended. Everything happens in
    # the calls of one thread, so no process is signalled that was reaped meanwhile.
    class Manager
      # How long a node that hangs gets to finish what does not hang, seconds.
      HUNG_GRACE = 5
      # What a node that stops by itself gets on top of `shutdown_timeout`.
      STOP_GRACE = 5
      # How long a rolling restart waits for a node to take part in its groups again, before it goes on with the next.
      READY_PATIENCE = 60
      # Between two looks at the nodes. More means that the supervisor stood still, or its machine.
      LONGEST_GAP = 1
      # Where the system has no process for a node, seconds.
      FORK_AGAIN = 5
      # How a node that is in trouble is ended: why, and the seconds it has.
      ENDINGS = { -1 => [:hung, 0], 1 => [:hung, HUNG_GRACE], 2 => [:hung, HUNG_GRACE], 3 => [:memory, nil] }.freeze
      private_constant :HUNG_GRACE, :STOP_GRACE, :READY_PATIENCE, :LONGEST_GAP, :FORK_AGAIN, :ENDINGS

      # @return [Array<Node>]
      attr_reader :nodes

      # @param nodes [Array<Node>]
      # @param limits [Setup::Config::Swarm]
      # @param shutdown_timeout [Integer] ms; -1: no limit
      # @param clock [#now]
      # @yieldparam node [Node] in its process
      # @yieldparam beats [IO]
      # @yieldreturn [Integer] exit status
      def initialize(nodes, limits, shutdown_timeout, clock: Clock, &in_node)
        @nodes = nodes
        @limits = limits
        @stop_seconds = (shutdown_timeout / 1_000.0) + STOP_GRACE unless shutdown_timeout.negative?
        @clock = clock
        @in_node = in_node
        @to_roll = []
        @rolling = nil
        @mode = :running
        @looked_at = nil
        @quieted = {}
        @owed = Hash.new { |owed, node| owed[node] = [] }
      end

      # Starts all nodes.
      # @return [void]
      def start
        @nodes.each { |node| fork(node) }
      end

      # One look at everything, several times a second.
      # @return [void]
      def look
        excuse_gap
        @nodes.each { |node| look_at(node) }
        roll_on
        emit("swarm.manager.control")
      end

      # Restarts one node after the other.
      # @return [void]
      def roll
        return unless @mode == :running

        Karafka.logger.info("Swarm: restarting #{@nodes.size} nodes, one after the other")
        @to_roll = @nodes.dup
      end

      # No node begins new work, and none is started any more.
      # @return [void]
      def quiet
        @mode = :quiet if @mode == :running
        forget_roll
      end

      # Ends all nodes. Called again, it ends them at once.
      # @return [void]
      def stop
        again = @mode == :stopping
        @mode = :stopping
        forget_roll
        @nodes.each do |node|
          node.plan(restart: false)
          next unless node.alive?

          emit("swarm.manager.stopping", node: node, status: 0) unless again
          # A second TERM ends a node at once. One that does not even do that is killed.
          node.leave(:stop, again ? HUNG_GRACE : @stop_seconds)
        end
      end

      # @return [Boolean] whether no node runs, and none is to
      def stopped?
        @mode == :stopping && @nodes.none?(&:alive?)
      end

      # @return [Boolean] whether each node that runs has ended its work
      def quiet?
        @mode == :quiet && @nodes.all? { |node| !node.alive? || node.health.quiet? }
      end

      # Passes a signal on to each node, as soon as it looks at signals; before, it would be stopped by it, in the sense of Ctrl-Z.
      # @param signal [Symbol]
      # @return [void]
      def signal(signal)
        @nodes.each { |node| owe(node, signal) if node.alive? }
      end

      # @return [Integer] exit status, as of `karafka server`
      def exit_status
        statuses = @nodes.map(&:exit_status).uniq
        return 2 if statuses.include?(2)

        statuses.all?(&:zero?) ? 0 : 1
      end

      private

      def listens?(node)
        node.alive? && %i[running stopping].include?(node.health.state)
      end

      def fork(node)
        emit("swarm.manager.before_fork", node: node)
        node.start { |beats| @in_node.call(node, beats) }
        Karafka.logger.info("Swarm: #{node} started")
        emit("swarm.manager.after_fork", node: node)
      rescue SystemCallError => e
        Karafka.logger.error("Swarm: node #{node.id} cannot be forked: #{e.message}; it is tried again in #{FORK_AGAIN} s")
        node.start_in(FORK_AGAIN)
      end

      # Nodes are not to be blamed for time in which nobody could have read what they said.
      def excuse_gap
        now = @clock.now
        gap = @looked_at ? now - @looked_at : 0
        @nodes.each { |node| node.health&.excuse(gap) } if gap > LONGEST_GAP
        @looked_at = now
      end

      def look_at(node)
        ended(node) if node.look
        if node.due? && @mode == :running then fork(node)
        elsif node.overdue? then terminate(node, "it was to end and did not")
        elsif node.alive? && node.leaving.nil? then check(node)
        end
        quiet_node(node) if @mode == :quiet
        pay(node)
      end

      def ended(node)
        @owed.delete(node)
        wait = node.plan(restart: @mode == :running)
        return if node.leaving

        how = node.ended == :unknown ? "in an unknown way" : "with #{node.ended.to_s.sub(/\Apid \d+ /, "")}"
        Karafka.logger.error("Swarm: #{node} has ended #{how}; it #{wait ? "starts again in #{wait} s" : "is not started again"}")
      end

      def check(node)
        trouble = node.health.trouble(@clock.now, @limits, (node.memory if @limits.node_memory_limit)) or return
        return terminate(node, trouble.reason, trouble.status) if trouble.status == -1

        why, seconds = ENDINGS.fetch(trouble.status)
        Karafka.logger.error("Swarm: #{node} is ended and starts again: #{trouble.reason}")
        emit("swarm.manager.stopping", node: node, status: trouble.status)
        node.leave(why, seconds || @stop_seconds)
      end

      def terminate(node, reason, status = 0)
        Karafka.logger.error("Swarm: #{node} is killed: #{reason}")
        emit("swarm.manager.terminating", node: node, status: status)
        node.kill
      end

      def quiet_node(node)
        return if @quieted[node.pid] || !node.alive?

        @quieted[node.pid] = true
        owe(node, :TSTP)
      end

      def owe(node, signal)
        @owed[node] |= [signal]
        pay(node)
      end

      # Once it consumes: earlier it would not know the signals.
      def pay(node)
        @owed.delete(node)&.each { |signal| node.signal(signal) } if listens?(node)
      end

      def roll_on
        return if @rolling && !back?(@rolling)

        @rolling = @to_roll.shift
        return unless @rolling&.alive? && @rolling.leaving.nil?

        @rolled_pid = @rolling.pid
        emit("swarm.manager.stopping", node: @rolling, status: 0)
        @rolling.leave(:restart, @stop_seconds)
      end

      def back?(node)
        node.pid != @rolled_pid && node.alive? && (node.ready? || node.age > READY_PATIENCE)
      end

      def forget_roll
        @to_roll = []
        @rolling = nil
      end

      def emit(name, **payload)
        return unless Karafka.monitor.listening?(name)

        Instrumentation::Safely.instrument(name, { caller: self, **payload })
      end
    end
  end
end

# frozen_string_literal: true

module Karafka
  module Swarm
    # The process that forks the nodes. {Server.run} runs it as it runs a {Runtime}: it answers to the same calls, and has neither an
    # engine nor workers.
    class Supervisor
      # Seconds between two looks at the nodes.
      LOOK = 0.25
      # As {Runtime}: a shell that stops a process group often sends two signals at once.
      ONE_STOP = 0.5
      private_constant :LOOK, :ONE_STOP

      # @return [Status]
      attr_reader :status
      # @return [Server::Control]
      attr_reader :control
      # @return [Manager, nil]
      attr_reader :manager

      # @param processes [Processes]
      def initialize(processes: Processes.new)
        @processes = processes
        @status = Status.new(:initialized)
        @control = Server::Control.new
        @told_to_stop = @told_to_be_quiet = false
      end

      # @return [Symbol]
      def mode = :supervisor
      # @return [false]
      def embedded? = false
      # @return [nil]
      def engine = nil
      # @return [nil]
      def failure = nil
      # @return [Workers] none
      def workers = Workers.new
      # @return [Array] none
      def listeners = []

      # @param thread [Thread]
      # @return [Boolean] whether its end waits for that thread
      def inside?(thread)
        thread == @thread
      end

      # Checks what the nodes will do, loads and warms up the application, and forks.
      # @return [self]
      # @raise [Errors::InvalidConfigurationError, Errors::UnsupportedFeatureError] nothing was started
      def start
        @thread = Thread.current
        Swarm.ensure_supported!
        limits = App.config.swarm
        Checks.new(limits).call
        Preload.call
        # Open in this process alone: when it ends, however it ends, the nodes read the end of it.
        @lifeline, @life = IO.pipe
        @manager = Manager.new(nodes(limits), limits, App.config.shutdown_timeout) { |node, beats| become(node, beats) }
        @status.supervising!
        Karafka.logger.info("Swarm: process #{::Process.pid} supervises #{limits.nodes} nodes")
        @manager.start unless @told_to_stop
        self
      end

      # Until it has to stop and all nodes have ended.
      # @return [Integer] exit status: 0 clean, 1 a node ended with an error, 2 one had to be ended by force
      # @raise [Exception] that was raised in this thread meanwhile, once all nodes have ended
      def serve
        stop if @told_to_stop
        quiet if @told_to_be_quiet
        until @manager.stopped?
          obey(@control.order(LOOK))
          @manager.look
          @status.quiet! if @status.quieting? && @manager.quiet?
        end
        finish.tap { @control.raise_again }
      end

      # Tells it to stop. Returns at once; may be called from a trap, more than once, and before the start.
      # @return [void]
      def stop
        @told_to_stop = true
        @control.push(:stop)
      end

      # Tells it to have its nodes begin no more batches. Returns at once; may be called from a trap, and before the start.
      # @return [void]
      def quiet
        @told_to_be_quiet = true
        @control.push(:quiet)
      end

      private

      def nodes(limits)
        Array.new(limits.nodes) { |id| Node.new(id, @processes, Backoff.new(limits.node_restart_timeout / 1_000.0)) }
      end

      # In the new process.
      def become(node, beats)
        ([@life] + @manager.nodes.filter_map(&:beats)).each { |pipe| pipe.close unless pipe.closed? }
        @control.close
        NodeProcess.new(node, beats, @lifeline).run
      end

      def obey(command)
        case command
        when :INT, :TERM, :QUIT, :HUP, :stop then begin_stop(command)
        when :TSTP, :quiet then begin_quiet(command)
        when :TTIN then dump
        when :USR2
          notice(:USR2)
          @manager.roll
        end
      end

      def begin_stop(command)
        notice(command)
        return @manager.stop if @status.stopping? && Clock.now - @stopping_since > ONE_STOP && command != :stop
        return if @status.stopping?

        @stopping_since = Clock.now
        @status.stopping!
        @manager.stop
      end

      def begin_quiet(command)
        notice(command)
        return unless @status.supervising?

        @status.quieting!
        @manager.quiet
      end

      def dump
        notice(:TTIN)
        Karafka.logger.unknown(Server::Report.threads(self))
        @manager.signal(:TTIN)
      end

      def notice(command)
        return if %i[stop quiet].include?(command)

        Instrumentation::Safely.instrument("process.notice_signal", { caller: self, signal: "SIG#{command}" })
      end

      def finish
        @life.close
        @lifeline.close
        close_producer
        @status.stopped!
        @status.terminated!
        @manager.exit_status
      end

      # What the application has sent before the nodes were forked, or in a subscriber.
      def close_producer
        App.config.producer.close if App.config.producer?
      rescue StandardError => e
        Instrumentation::Safely.error(e, "app.stopping.error", caller: self)
      end
    end
  end
end

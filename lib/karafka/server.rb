# frozen_string_literal: true

require "etc"
require "securerandom"

module Karafka
  # The server process: consumes what the routes say until it is stopped. INT, TERM and QUIT stop it gracefully, a second
  # one at once (exit status 2); TSTP quiets it; TTIN logs what every thread does and the state of the engine.
  module Server
    LOCK = Mutex.new
    private_constant :LOCK

    class << self
      include Pausing
      include Skipping

      # Runs until a signal or {stop}, with traps. Blocks.
      # @return [Integer] exit status for the process: 0 clean, 1 after an error. A forced stop ends the process with 2.
      # @param runtime [Runtime, Swarm::Supervisor] what to run
      # @raise [Errors::InvalidConfigurationError] nothing was started
      def run(runtime = Runtime.new)
        begin_runtime(runtime)
        begin
          boot
          Signals.trapped(runtime.control, runtime.mode) do
            runtime.start
            runtime.serve
          end
        ensure
          runtime.control.close
          LOCK.synchronize { @active = false }
        end
      end

      # Starts without traps and without waiting.
      # @return [void]
      # @raise [Errors::InvalidConfigurationError]
      def start
        ready = Thread::Queue.new
        runtime = Runtime.new(mode: :embedded)
        begin_runtime(runtime) { serve_in_thread(runtime, ready) }
        begin
          boot
          runtime.start
          started = true
        ensure
          ready << started
          # So that the next start does not find this one.
          @thread.join unless started
        end
        nil
      end

      # Begins a graceful stop. Returns at once; callable from a trap. A stop that comes while the server is starting, or that
      # another thread calls just before that, is not lost: nothing is consumed then.
      # @return [void]
      def stop
        @active && runtime ? runtime.stop : EarlyStop.note
      end

      # Ends what runs and runs `shutdown` of each consumer, then stays in the groups without work until {stop}. Final: nothing
      # takes it back. Returns at once; callable from a trap.
      # @return [void]
      def quiet
        runtime&.quiet
      end

      # Waits for the end of what {start} began.
      # @param seconds [Numeric, nil] nil: forever
      # @return [Boolean] whether it has ended
      def wait(seconds = nil)
        @thread.nil? || !@thread.join(seconds).nil?
      end

      # @return [Boolean] whether the server's end waits for the calling thread: a consumer's, a subscriber's, or the one that
      #   starts it
      # @api private
      def inside?
        current = Thread.current
        current == @thread || (!runtime.nil? && runtime.inside?(current))
      end

      # @return [Symbol] what it is doing, see {Status::ALL}
      def status
        current = runtime&.status&.current || :initialized
        current == :initialized && !App.initialized? ? :initializing : current
      end

      # @return [ExecutionMode] `standalone?`, or `embedded?`; before the start it is standalone
      def execution_mode
        ExecutionMode.new(runtime&.mode || :standalone)
      end

      # @return [Workers] `size`, `scale(count)`, and each {Worker}
      def workers
        runtime&.workers || Workers.new
      end

      # @return [Array<Runtime::Listener>] one for each client
      def listeners
        runtime&.listeners || []
      end

      # @return [Hash{Symbol=>Object}, nil] of the engine; nil while there is none
      def state
        runtime&.engine&.state
      end

      # @return [Engine::Observer, nil] probes, metrics and state of this process; nil before the start
      def observer
        runtime&.observer
      end

      # @return [String] unique for this process: host, process id and a random part
      def id
        @id = nil unless @id_pid == ::Process.pid
        @id_pid = ::Process.pid
        @id ||= "#{Etc.uname.fetch(:nodename)}:#{@id_pid}:#{SecureRandom.hex(4)}"
      end

      private

      # What the parent of a forked process runs is not ours.
      def runtime
        @runtime if @pid == ::Process.pid
      end

      # It exists before the application is booted, which may take long: whoever stops it meanwhile has to find it.
      def begin_runtime(begun, &serve)
        LOCK.synchronize do
          if @active && runtime
            begun.control.close
            raise Errors::EngineError, "the server is running already in this process"
          end

          begun.stop if EarlyStop.taken?
          @thread = serve && Thread.new(&serve).tap { |thread| thread.name = "karafka.server" }
          @pid = ::Process.pid
          @active = true
          @runtime = begun
        end
      end

      def boot
        Instrumentation::Safely.instrument("app.initializing", { caller: self }) unless App.booted?
        App.boot!
        Process.tags.add(:execution_mode, "mode:#{execution_mode}")
      end

      def serve_in_thread(runtime, ready)
        return runtime.control.close unless ready.pop

        runtime.serve
        # As Ruby does with an `exit` in a thread that nobody rescues.
        Thread.main.raise(runtime.failure) if runtime.failure.is_a?(SystemExit)
      ensure
        LOCK.synchronize { @active = false }
      end
    end
  end
end

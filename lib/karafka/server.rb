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

      # Runs until a signal or {stop}, with traps. Blocks.
      # @return [Integer] exit status for the process: 0 clean, 1 after an error. A forced stop ends the process with 2.
      # @raise [Errors::InvalidConfigurationError] nothing was started
      def run
        runtime = begin_runtime(embedded: false)
        Signals.trapped(runtime.control) do
          runtime.start
          runtime.serve
        end
      ensure
        LOCK.synchronize { @active = false } if runtime
      end

      # Starts without traps and without waiting.
      # @return [void]
      # @raise [Errors::InvalidConfigurationError]
      def start
        runtime = begin_runtime(embedded: true)
        begin
          runtime.start
        rescue Exception # rubocop:disable Lint/RescueException -- raised again
          LOCK.synchronize { @active = false }
          raise
        end
        @thread = Thread.new { serve_in_thread(runtime) }
        @thread.name = "karafka.server"
        nil
      end

      # Begins a graceful stop. Returns at once; callable from a trap.
      # @return [void]
      def stop
        runtime&.stop
      end

      # Begins no more batches, but stays in the groups. Returns at once; callable from a trap.
      # @return [void]
      def quiet
        runtime&.quiet
      end

      # Waits for the end of what {start} began.
      # @param seconds [Numeric, nil] nil: for ever
      # @return [Boolean] whether it has ended
      def wait(seconds = nil)
        @thread.nil? || !@thread.join(seconds).nil?
      end

      # @return [Symbol] what it is doing, see {Status::ALL}
      def status
        runtime&.status&.current || (App.initialized? ? :initialized : :initializing)
      end

      # @return [ExecutionMode] `standalone?`, or `embedded?`; before the start it is standalone
      def execution_mode
        ExecutionMode.new(runtime&.embedded? ? :embedded : :standalone)
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

      def begin_runtime(embedded:)
        LOCK.synchronize do
          raise Errors::EngineError, "the server is running already in this process" if @active && runtime

          Instrumentation::Safely.instrument("app.initializing", { caller: self }) unless App.initialized?
          App.boot!
          @active = true
          @pid = ::Process.pid
          @thread = nil
          @runtime = Runtime.new(embedded: embedded)
        end
      end

      def serve_in_thread(runtime)
        runtime.serve
        # As Ruby does with an `exit` in a thread that nobody rescues.
        Thread.main.raise(runtime.failure) if runtime.failure.is_a?(SystemExit)
      ensure
        LOCK.synchronize { @active = false }
      end
    end
  end
end

# frozen_string_literal: true

module Karafka
  module Swarm
    # One node: as the supervisor sees it, and, in the node's own process, who it is (`Karafka::App.config.swarm.node`).
    class Node
      # @return [Integer] its place, from 0
      attr_reader :id
      # @return [Integer, nil] of the process that runs, or ran last
      attr_reader :pid
      # @return [IO, nil] the supervisor's end of the pipe
      attr_reader :beats
      # @return [Health, nil] nil before it was started
      attr_reader :health
      # @return [::Process::Status, :unknown, nil] how it ended; nil while it runs
      attr_reader :ended
      # @return [Symbol, nil] why it is being ended: :stop, :restart, :memory, :hung; nil where it is to go on
      attr_reader :leaving

      # @param id [Integer]
      # @param processes [Processes]
      # @param backoff [Backoff]
      # @param clock [#now]
      def initialize(id, processes, backoff, clock: Clock)
        @id = id
        @processes = processes
        @backoff = backoff
        @clock = clock
        @start_at = nil
      end

      # Forks it.
      # @yieldparam beats [IO] in the new process: where its signs of life go
      # @yieldreturn [Integer] its exit status
      # @return [void]
      # @raise [SystemCallError] the system has no process or no memory for it; nothing has changed
      def start
        @pid, @beats = @processes.fork do |writer|
          @pid = ::Process.pid
          yield writer
        end
        @started_at = @clock.now
        @health = Health.new(@started_at)
        @ended = @leaving = @kill_at = @killed = @start_at = nil
      end

      # @param seconds [Float] until it is to start
      # @return [void]
      def start_in(seconds)
        @start_at = @clock.now + seconds
      end

      # @return [Boolean] whether its process runs, as far as is known
      def alive?
        !@pid.nil? && @ended.nil?
      end

      # @return [Boolean] whether it consumes, and takes part in its groups
      def ready?
        alive? && leaving.nil? && @health.state == :running && @health.joined?
      end

      # @return [Boolean] whether its time to start has come
      def due?
        !alive? && !@start_at.nil? && @clock.now >= @start_at
      end

      # @return [Float] seconds
      def age
        @clock.now - @started_at
      end

      # Reads its signs of life, and looks whether it has ended.
      # @return [Boolean] whether it has ended just now
      def look
        return false unless alive?

        @health.read(@beats, @clock.now)
        @ended = @processes.ended(@pid) or return false

        @beats.close
        true
      end

      # @param restart [Boolean] whether it is to run again
      # @return [Float, nil] seconds until then
      def plan(restart:)
        return @start_at = nil unless restart

        wait = failed? ? @backoff.after_failure(age) : 0.0
        start_in(wait)
        wait
      end

      # @return [Integer, nil] MB
      def memory
        @processes.memory(@pid) if alive?
      end

      # @param signal [Symbol]
      # @return [void]
      def signal(signal)
        @processes.signal(signal, @pid) if alive?
      end

      # Asks it to end.
      # @param why [Symbol] see {#leaving}
      # @param seconds [Float, nil] after which {#overdue?} is true; nil: it may take as long as it needs
      # @return [void]
      def leave(why, seconds)
        @leaving = why
        @kill_at = seconds && (@clock.now + seconds)
        signal(:TERM)
      end

      # @return [Boolean] whether it should have ended by now
      def overdue?
        alive? && !@killed && !@kill_at.nil? && @clock.now >= @kill_at
      end

      # Ends it at once.
      # @return [void]
      def kill
        @leaving ||= :hung
        @killed = true
        signal(:KILL)
      end

      # @return [Integer] exit status in the sense of `karafka server`: 0 clean, 1 an error, 2 by force
      def exit_status
        return 2 if @killed
        return 0 if @ended.nil? || @ended == :unknown || stopped_early?

        @ended.exitstatus || 1
      end

      # @return [String] for people
      def to_s
        "node #{@id}#{" (process #{@pid})" if @pid}"
      end

      # @return [String]
      def inspect
        "#<#{self.class} #{self}>"
      end

      private

      # One that has ended because it was asked to has not failed.
      def failed?
        leaving == :hung || (leaving.nil? && exit_status != 0)
      end

      # TERM reached it before it looked at signals: it had nothing to do yet.
      def stopped_early?
        !leaving.nil? && @ended.termsig == Signal.list.fetch("TERM")
      end
    end
  end
end

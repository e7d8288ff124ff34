# frozen_string_literal: true

module Racecar
  # `parallel_workers` of a consumer class: forks that number of processes, each of which joins the group. The first one that ends ends all.
  class ParallelRunner
    SIGNALS = %w[INT TERM QUIT].freeze
    private_constant :SIGNALS

    # @return [Array<Integer>] process ids
    attr_reader :workers

    # @param runner [Runner]
    # @param config [Config]
    # @param logger [Logger]
    def initialize(runner:, config:, logger: config.logger)
      @runner = runner
      @config = config
      @logger = logger
      @workers = []
    end

    # @return [Integer] exit status for the process: that of the worker which ended first, where it failed
    def run
      signalled do
        # Its other end is this process's, and is closed when that ends, however it ends.
        @lifeline, ours = IO.pipe
        @config.parallel_workers.times do
          @workers << fork do
            ours.close
            work
          end
        end
        @logger.info("racecar: #{Process.pid} has forked #{@workers.join(", ")}")
        # A signal may have come before the last one was forked.
        stop if @stopping
        statuses = [await, *rest]
        statuses.map { |status| status.exitstatus || 1 }.max
      end
    end

    # @return [void]
    def stop
      @stopping = true
      @workers.each { |pid| signal("TERM", pid) }
    end

    private

    def work
      SIGNALS.each { |name| trap(name, "DEFAULT") }
      stop_with_the_parent
      exit!(status_of { @runner.run })
    end

    # Workers that nobody can stop any more would share the group with those of the process's successor.
    def stop_with_the_parent
      Thread.new do
        @lifeline.read
        @logger.warn("racecar: the parent of worker #{Process.pid} has ended: it stops")
        Process.kill("TERM", Process.pid)
      end
    end

    # No `at_exit` of the parent's runs in it.
    def status_of
      yield
    rescue SystemExit => e
      e.status
    rescue SignalException
      1
    rescue Exception => e # rubocop:disable Lint/RescueException -- the process is at its end
      @logger.error("racecar: worker #{Process.pid} failed: #{e.class}: #{e.message}")
      1
    ensure
      $stdout.flush
      $stderr.flush
    end

    # @return [Process::Status] of the first one that ended
    def await
      pid, status = Process.wait2
      @workers.delete(pid)
      status
    end

    def rest
      stop
      @workers.dup.map { await }
    end

    def signalled
      before = SIGNALS.to_h { |name| [name, trap(name) { stop }] }
      before["USR1"] = trap("USR1") { $stderr.print(@config.inspect, "\n") }
      yield
    ensure
      before.each { |name, handler| trap(name, handler || "DEFAULT") }
    end

    def signal(name, pid)
      Process.kill(name, pid)
    rescue Errno::ESRCH
      nil # It has ended.
    end
  end
end

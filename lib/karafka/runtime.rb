# frozen_string_literal: true

module Karafka
  # Engine, workers and event thread of this process, from start to stop. {Server} runs it with signals, {Embedded}
  # in a thread of an application that does something else.
  class Runtime
    # One client: it consumes the topics of one subscription group.
    Listener = Struct.new(:id, :subscription_group)

    # How often the quiet mode looks whether the running batches are done, seconds.
    QUIET_CHECK = 0.1
    # How long to wait for the engine in one go, ms.
    JOIN_MS = 1_000
    private_constant :QUIET_CHECK, :JOIN_MS

    # @return [Status]
    attr_reader :status
    # @return [Engine, nil]
    attr_reader :engine
    # @return [Workers]
    attr_reader :workers
    # @return [Array<Listener>]
    attr_reader :listeners
    # @return [Server::Control]
    attr_reader :control
    # @return [Exception, nil] why it had to stop
    attr_reader :failure

    # @param embedded [Boolean] in an application whose process and producer are not ours to end
    def initialize(embedded: false)
      @embedded = embedded
      @status = Status.new(:initialized)
      @control = Server::Control.new
      @workers = Workers.new
      @listeners = []
      @failure = nil
    end

    # @return [Boolean]
    def embedded?
      @embedded
    end

    # Checks everything, then starts threads and connections.
    # @return [self]
    # @raise [Errors::InvalidConfigurationError, Errors::UnsupportedFeatureError]
    def start
      routes = EngineConfig.new
      check_monitor
      @engine = Engine.new(routes.to_h)
      routes.attach(@engine)
      @listeners = routes.subscription_groups.map { |group| Listener.new(group.id, group) }
      @transactions = TransactionalProducers.new
      coordinator = Coordinator.new(routes, @transactions)
      build = worker_builder(routes, coordinator)
      @workers = Workers.new(@engine) { |index| build.call(index) }
      @pump = Engine::EventPump.new(@engine, routes.subscription_groups, @workers, @transactions)
      Failures::Topics.prepare(routes.subscription_groups.flat_map(&:active_topics))
      begin_all(routes.concurrency)
      self
    end

    # Serves until it is told to stop, then stops.
    # @return [Integer] exit status: 0 clean, 1 after an error, that of an `exit` in a consumer, 2 forced
    def serve
      nil until leave?(@control.wait(@status.quieting? ? QUIET_CHECK : nil))
      finish
    ensure
      # Not left to the garbage collector: an application may start and stop often.
      @control.close
    end

    # Tells it to stop. Returns at once; may be called from a trap and more than once.
    # @return [void]
    def stop
      @control.push(:stop)
    end

    # Tells it to begin no more batches. Returns at once; may be called from a trap.
    # @return [void]
    def quiet
      @control.push(:quiet)
    end

    private

    def begin_all(concurrency)
      # First: what librdkafka refuses is raised here, and then no thread is left behind.
      @engine.start
      load_all
      @pump.start
      @workers.start(concurrency)
      each_listener("connection.listener.before_fetch_loop")
      @status.running!
    end

    # In a Rails application each piece of work is one for Rails, too.
    def worker_builder(routes, coordinator)
      options = { on_fatal: method(:fail_with), priority: App.config.worker_thread_priority }
      application = OnRails::Execution.application
      return ->(index) { Worker.new(index, @engine, coordinator, **options) } unless application

      execution = OnRails::Execution.new(application)
      persistent = ->(lease) { routes.topic(lease.group_index, lease.topic_index).consumer_persistence }
      ->(index) { OnRails::Worker.new(index, @engine, coordinator, execution: execution, persistent: persistent, **options) }
    end

    # A Timeout or Thread#kill that comes while a worker loads a constant leaves it missing for good: then every batch
    # fails. The engine joins its groups meanwhile.
    def load_all
      LOADER.eager_load
    rescue Exception # rubocop:disable Lint/RescueException -- raised again
      @engine.force_stop
      raise
    end

    # A worker met something that must end the process.
    def fail_with(error)
      @failure ||= error
      # At once, so that what is given back is not taken again.
      @engine.stop
      @control.push(:failed)
    end

    # @return [Boolean] whether it is time to stop
    def leave?(command)
      case command
      when :INT, :TERM, :QUIT
        notice(command)
        return true
      when :stop, :failed then return true
      when :TSTP, :quiet then begin_quiet(command)
      when :TTIN then dump
      end
      check_quiet
      false
    end

    def begin_quiet(command)
      notice(command) unless command == :quiet
      return unless @status.running?

      @status.quieting!
      @engine.quiet
    end

    def check_quiet
      @status.quiet! if @status.quieting? && @engine.state[:leases].empty?
    end

    def finish
      @status.stopping!
      @workers.close
      @engine.stop
      deadline = App.config.shutdown_timeout
      closer = Thread.new { close_all }
      closer.name = "karafka.closer"
      closer.report_on_exception = false
      forced = wait_for(deadline.negative? ? nil : Clock.now + (deadline / 1_000.0))
      return force(forced, closer) if forced

      each_listener("connection.listener.after_fetch_loop")
      @status.stopped!
      @status.terminated!
      exit_status
    end

    def close_all
      @workers.each(&:join)
      nil until @engine.join(JOIN_MS)
      @pump.join
      @transactions.close
      App.config.producer.close if !@embedded && App.config.producer?
    rescue StandardError => e
      Instrumentation::Safely.error(e, "app.stopping.error", caller: self)
      @failure ||= e
    ensure
      @control.push(:closed)
    end

    # @return [String, nil] why the stop has to be forced
    def wait_for(deadline)
      loop do
        command = @control.wait(deadline && [deadline - Clock.now, 0].max)
        case command
        when :closed then return
        when :TTIN then dump
        when :INT, :TERM, :QUIT
          notice(command)
          return "a second signal (#{command}) came" unless @embedded
        when nil
          return "shutdown_timeout (#{App.config.shutdown_timeout} ms) has passed" if deadline && Clock.now >= deadline
        end
      end
    end

    # Nothing is acknowledged: what was running is delivered again to the next process.
    def force(reason, closer)
      error = Errors::ForcefulShutdownError.new("Stopping at once, because #{reason}. Not done yet:\n#{Server::Report.blockers(self)}")
      Instrumentation::Safely.error(error, "app.stopping.error", caller: self)
      closer.kill
      unless @embedded
        $stdout.flush
        $stderr.flush
        ::Process.exit!(2)
      end
      @engine.force_stop
      @workers.each(&:kill)
      @pump.kill
      @status.stopped!
      @status.terminated!
      2
    end

    def exit_status
      return 0 if @failure.nil?

      @failure.is_a?(SystemExit) ? @failure.status : 1
    end

    def notice(signal)
      Instrumentation::Safely.instrument("process.notice_signal", { caller: self, signal: "SIG#{signal}" })
    end

    def dump
      notice(:TTIN)
      # Whatever the level is: it was asked for.
      Karafka.logger.unknown(Server::Report.threads(self))
    rescue StandardError => e
      # A question must not end the process.
      Instrumentation::Safely.say("cannot report the threads: #{e.class}: #{e.message}")
    end

    def each_listener(event)
      return unless Karafka.monitor.listening?(event)

      @listeners.each do |listener|
        Instrumentation::Safely.instrument(event, { caller: listener, subscription_group: listener.subscription_group })
      end
    end

    def check_monitor
      return if Karafka.monitor.respond_to?(:listening?)

      raise Errors::InvalidConfigurationError,
            "config.monitor is #{Karafka.monitor.inspect}, which has no listening?(name): let its class inherit from " \
            "Karafka::Instrumentation::Monitor."
    end
  end
end

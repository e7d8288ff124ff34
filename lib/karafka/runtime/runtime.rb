# frozen_string_literal: true

module Karafka
  # Engine, workers and event thread of this process, from start to stop. {Server} runs it with signals, {Embedded}
  # in a thread of an application that does something else.
  class Runtime
    # One client: it consumes the topics of one subscription group.
    Listener = Struct.new(:id, :subscription_group)

    # How often the quiet mode looks whether the running batches are done, seconds.
    QUIET_CHECK = 0.1
    # Seconds. A shell that stops a process group often sends two signals at once: `timeout`, or foreman at Ctrl-C.
    ONE_STOP = 0.5
    private_constant :QUIET_CHECK, :ONE_STOP

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

    # @return [Engine::Observer, nil] what it shows of itself; nil before the start
    attr_reader :observer

    # @return [Symbol] how the process consumes, see {Server::ExecutionMode}
    attr_reader :mode

    # @param mode [Symbol] :embedded: in an application whose process and producer are not ours to end
    # @param app [Class<App>, #routes] whose routes it consumes; an adapter has several runtimes, each with routes of its own
    # @yieldparam engine [Engine] once it is made, before it starts
    def initialize(mode: :standalone, app: App, &on_engine)
      @mode = mode
      @app = app
      @on_engine = on_engine
      @status = Status.new(:initialized)
      @control = Server::Control.new
      @workers = Workers.new
      @listeners = []
      @failure = @closing = nil
      @starter = Thread.current
      @told_to_stop = @told_to_be_quiet = false
    end

    # @return [Boolean]
    def embedded? = @mode == :embedded

    # Checks everything, then starts threads and connections.
    # @return [self]
    # @raise [Errors::InvalidConfigurationError, Errors::UnsupportedFeatureError]
    def start
      routes = Engine::Config.new(@app)
      check_monitor
      @engine = Engine.new(routes.to_h)
      routes.attach(@engine)
      @on_engine&.call(@engine)
      @listeners = routes.subscription_groups.map { |group| Listener.new(group.id, group) }
      each_listener("connection.listener.pending")
      @transactions = TransactionalProducers.new
      coordinator = Coordinator.new(routes, @transactions)
      build = worker_builder(routes, coordinator)
      @workers = Workers.new(@engine) { |index| build.call(index) }
      @observer = Engine::Observer.new(id: Server.id)
      @observer.watch(@engine)
      @pump = Engine::EventPump.new(@engine, routes.subscription_groups, @workers, @transactions, observer: @observer)
      Failures::Topics.prepare(routes.subscription_groups.flat_map(&:active_topics))
      begin_all(routes.concurrency) unless @told_to_stop
      self
    ensure
      @starter = nil
    end

    # Serves until it has to stop, then stops.
    # @return [Integer] exit status: 0 clean, 1 after an error, that of an `exit` in a consumer, 2 forced
    # @raise [Exception] that was raised in this thread meanwhile, once it has stopped
    def serve
      nil until leave?(@control.order(@status.quieting? ? QUIET_CHECK : nil))
      finish.tap { @control.raise_again }
    ensure
      @observer&.close
      # Not left to the garbage collector: an application may start and stop often.
      @control.close
    end

    # Tells it to stop. Returns at once; may be called from a trap, more than once, and before the start.
    # @return [void]
    def stop
      @told_to_stop = true
      @control.push(:stop)
    end

    # Tells it to begin no more batches. Returns at once; may be called from a trap, and before the start.
    # @return [void]
    def quiet
      @told_to_be_quiet = true
      @control.push(:quiet)
    end

    # @return [String, nil] what its stop waits for
    def waits_for
      @closing&.waits_for
    end

    # @param thread [Thread]
    # @return [Boolean] whether the end of the runtime waits for that thread
    def inside?(thread)
      thread == @starter || thread == @pump&.thread || @workers.any? { |worker| worker.thread == thread }
    end

    private

    def begin_all(concurrency)
      each_listener("connection.listener.starting")
      # First: what librdkafka refuses is raised here, and then no thread is left behind.
      @control_socket = Server::ControlSocket.bind { @observer.serve { @engine.start } }
      @engine.quiet if @told_to_be_quiet
      Banner.lines(@listeners.map(&:subscription_group), concurrency).each { |line| Karafka.logger.info(line) }
      @pump.start
      # While the engine joins its groups. Workers find everything loaded.
      Karafka.eager_load!
      @workers.start(concurrency)
      @control_socket&.serve
      %w[running before_fetch_loop].each { |state| each_listener("connection.listener.#{state}") }
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
      when :INT, :TERM, :QUIT, :HUP
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
      each_listener("connection.listener.quieting")
      @engine.quiet
    end

    def check_quiet
      return unless @status.quieting? && @engine.state[:quiet]

      each_listener("connection.listener.quiet")
      @status.quiet!
    end

    def finish
      @stopping_since = Clock.now
      @status.stopping!
      @control_socket&.close
      each_listener("connection.listener.stopping")
      limit = App.config.shutdown_timeout
      budget = TimeBudget.new(limit.negative? ? nil : limit)
      @closing = Server::Closing.new(@workers, @engine, @pump, @transactions, budget)
      @closing.begin
      closer = Thread.new { close_all }
      closer.name = "karafka.closer"
      closer.report_on_exception = false
      forced = wait_for(budget)
      return force(forced, closer) if forced

      %w[after_fetch_loop stopped].each { |state| each_listener("connection.listener.#{state}") }
      @status.stopped!
      @status.terminated!
      exit_status
    end

    def close_all
      @closing.finish(App.config.producer? && !embedded? ? App.config.producer : nil)
    rescue StandardError => e
      Instrumentation::Safely.error(e, "app.stopping.error", caller: self)
      @failure ||= e
    ensure
      @control.push(:closed)
    end

    # @return [String, nil] why the stop has to be forced
    def wait_for(budget)
      loop do
        command = @control.wait(budget.left)
        case command
        when :closed then return
        when :TTIN then dump
        when :INT, :TERM, :QUIT, :HUP
          notice(command)
          return "a second signal (#{command}) came" unless embedded? || Clock.now - @stopping_since < ONE_STOP
        when nil
          return "shutdown_timeout (#{App.config.shutdown_timeout} ms) has passed" if budget.over?
        end
      end
    end

    # Nothing is acknowledged: what was running is delivered again to the next process.
    def force(reason, closer)
      error = Errors::ForcefulShutdownError.new("Stopping at once, because #{reason}. Not done yet:\n#{Server::Report.blockers(self)}")
      Instrumentation::Safely.error(error, "app.stopping.error", caller: self)
      closer.kill
      @closing.end_process unless embedded?
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

# frozen_string_literal: true

module Karafka
  # A thread that takes leases from the engine, runs the user's code on them and settles them. Nothing that code does
  # ends the thread; even when it is killed, another takes its place.
  class Worker
    # What a subscriber of worker.process sees. There is one for each batch, and few subscribers ask for its name.
    class Job
      # @return [Symbol] what is done: consume, eofed, idle, revoked, shutdown, …
      attr_reader :kind
      # @return [String]
      attr_reader :topic
      # @return [Integer]
      attr_reader :partition
      # @return [Assignment]
      attr_reader :assignment
      # @return [Float] seconds, as {Clock.now}
      attr_reader :started
      # @return [Boolean, nil] nil while it runs
      attr_accessor :failed

      # @param worker [Integer] index of the worker
      # @param number [Integer] how many this worker has had
      # @param lease [Native::Lease]
      # @param assignment [Assignment]
      def initialize(worker, number, lease, assignment)
        @worker = worker
        @number = number
        @kind = lease.kind
        @topic = lease.topic
        @partition = lease.partition
        @assignment = assignment
        @started = Clock.now
      end

      # @return [String] unique in this process
      def id = "w#{@worker}-#{@number}"

      # @return [String] for people
      def name = "#{kind} by #{assignment.topic.declared_consumer} on #{topic}/#{partition}"
    end

    # These end the process instead of being retried.
    FATAL = LastingThread::FATAL
    private_constant :FATAL

    ON_BLOCKING = { Object => :on_blocking }.freeze
    private_constant :ON_BLOCKING

    # After these there is nothing more for an assignment.
    LAST = %i[revoked shutdown].freeze
    private_constant :LAST

    # What is done again when it failed.
    REPEATED = %i[consume idle keys].freeze
    private_constant :REPEATED

    ERROR_TYPES = {
      consume: "consumer.consume.error", eofed: "consumer.eofed.error", idle: "consumer.idle.error",
      revoked: "consumer.revoked.error", shutdown: "consumer.shutdown.error"
    }.freeze
    private_constant :ERROR_TYPES

    # Events about a {Job}.
    JOBS = %w[worker.process worker.processed worker.completed].freeze
    private_constant :JOBS

    # @return [Integer]
    attr_reader :index

    # @param index [Integer]
    # @param engine [#take]
    # @param coordinator [Coordinator]
    # @param on_fatal [#call] called with an exception that must end the process
    # @param priority [Integer] of the thread
    def initialize(index, engine, coordinator, on_fatal:, priority: 0)
      @index = index
      @engine = engine
      @coordinator = coordinator
      @on_fatal = on_fatal
      @outlet = Instrumentation::Outlet.new(Karafka.monitor)
      @finished = false
      @lease = nil
      @lasting = LastingThread.new("karafka.worker##{index}", priority: priority, replaced: method(:replaced), fatal: on_fatal) { run }
    end

    # @return [self]
    def start
      @lasting.start
      self
    end

    # @return [Thread, nil]
    def thread
      @lasting.thread
    end

    # @return [Boolean] whether it ended because the engine has nothing more for it
    def finished?
      @finished
    end

    # @param seconds [Numeric, nil] nil: forever
    # @return [Boolean] whether it finished within that time
    def join(seconds = nil)
      @lasting.join(seconds)
      @finished
    end

    # Ends the thread whatever it does; its lease is given back unprocessed by the engine.
    # @return [void]
    def kill
      @lasting.kill
    end

    # @return [String, nil] what it is working on, for people; nil when it waits
    def current
      lease = @lease
      lease && "#{lease.kind} of #{lease.topic}/#{lease.partition}"
    end

    # @param assignment_id [Integer]
    # @return [Boolean] whether it has a lease of that assignment
    def works_on?(assignment_id)
      @lease&.assignment_id == assignment_id
    end

    private

    def run
      settle_left
      @engine.enter_worker(@index)
      while (lease = take)
        Instrumentation::Tracing.around(lease) { process(lease) }
        @lease = nil
      end
      @engine.leave_worker
      @finished = true
    rescue Errors::BaseError => e
      # Of `take`: all that comes of a batch is contained. The engine cannot go on.
      @finished = true
      @on_fatal.call(e)
    end

    # A kill that comes while it waits is heeded; one that comes with a lease, once that is kept.
    def take
      Thread.handle_interrupt(ON_BLOCKING) { @lease = @engine.take }
    end

    # The thread before was killed before it began with that lease.
    def settle_left
      LastingThread.uninterrupted do
        lease = @lease
        @lease = nil
        next if lease.nil? || lease.settled?

        give_back(lease, lease.kind)
        @coordinator.evict(lease) if LAST.include?(lease.kind)
      end
    end

    # `fork` without a block in `consume`, or Process.daemon: this thread is the child's only one, and what it would go on
    # with belongs to the parent.
    def forked?
      @lasting.foreign?
    end

    # The child ends, and touches nothing of the parent's.
    def end_child(error)
      status = 1
      if error.is_a?(SystemExit)
        status = error.status
      else
        Instrumentation::Safely.say(
          "a child process that was forked in `consume` went on after it#{" (#{error.class}: #{error.message})" if error}. " \
          "It is ended, because the engine runs in the parent only. Give fork a block, or end the child with exec or exit. " \
          "Call Process.daemon before the server starts."
        )
      end
      $stdout.flush
      $stderr.flush
    ensure
      ::Process.exit!(status)
    end

    # The thread ends although nobody asked for it: Thread#kill, or an exception that came between two batches.
    def replaced(error)
      Instrumentation::Safely.error(error, "worker.process.error", caller: self) if error
    end

    def process(lease)
      done = false
      kind = lease.kind
      assignment = @coordinator.fetch(lease)
      job = begun(lease, assignment)
      assignment.public_send(kind, lease)
      return end_child(nil) if forked?

      assignment.settle(lease)
      done = true
    rescue Exception => e # rubocop:disable Lint/RescueException -- whatever it was, it must not be acknowledged
      failed = true
      end_child(e) if forked?
      failed(lease, kind, assignment, e, lease.settled?)
      done = true
    ensure
      # Neither returned nor raised: the thread is being killed, maybe on its way to settle the lease.
      killed(lease, kind) unless done || lease.settled?
      @coordinator.evict(lease) if LAST.include?(kind)
      ended(job, failed || !done) if job
    end

    def failed(lease, kind, assignment, error, settled)
      consumer = assignment&.consumer
      fatal = FATAL.any? { |type| error.is_a?(type) }
      # Before the lease is given back: it must not be delivered once more.
      @on_fatal.call(error) if fatal
      Instrumentation::Tracing.failed(lease, error)
      type = type_of(kind, assignment, error)
      # What becomes of the batch, and of the message that failed, is decided there.
      return assignment.failed(lease, error) if type == ERROR_TYPES[:consume] && consumer && !fatal && !settled

      Instrumentation::Safely.error(error, type, caller: consumer || self)
      give_back(lease, kind, assignment&.untried(error)) unless settled
    end

    def type_of(kind, assignment, error)
      return "consumer.initialized.error" if assignment&.uninitialized?(error)

      return "consumer.tick.error" if kind == :idle && assignment&.topic&.periodic

      ERROR_TYPES.fetch(kind, "worker.process.error")
    end

    # The process may end, and forced stops say themselves what they cut off.
    def killed(lease, kind)
      give_back(lease, kind)
      return if @lasting.over? || !Thread.main.alive?

      failure = Errors::EngineError.new(
        "a worker thread was killed (Thread#kill, Thread.exit) during #{kind} of #{lease.topic}/#{lease.partition}" \
        "#{", which runs again" if REPEATED.include?(kind)}"
      )
      Instrumentation::Safely.error(failure, "worker.abandoned.error", caller: self)
    end

    # @param untried [Integer, nil] how many times in a row no consumer has seen it; nil: one has
    def give_back(lease, kind, untried = nil)
      return lease.untried(untried) if untried && kind == :consume

      REPEATED.include?(kind) ? lease.nack : lease.release
    rescue Errors::BaseError => e
      Instrumentation::Safely.error(e, "worker.settle.error", caller: self)
    end

    # @return [Job, nil] nil when nobody wants to know
    def begun(lease, assignment)
      return unless JOBS.any? { |event| @outlet.heard?(event) }

      job = Job.new(@index, @jobs = (@jobs || 0) + 1, lease, assignment)
      @outlet.publish("worker.process", self, job)
      job
    end

    def ended(job, failed)
      job.failed = failed
      time = (Clock.now - job.started) * 1_000
      @outlet.publish("worker.processed", self, job, time)
      @outlet.publish("worker.completed", self, job, time)
    end
  end
end

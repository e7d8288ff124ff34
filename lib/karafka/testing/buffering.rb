# frozen_string_literal: true

module Karafka
  module Testing
    # Keeps what the application's producer sends in this process: each test has a client of its own, and outside of tests there
    # is one for all. Not in `karafka server`, and not within {deliver}.
    module Buffering
      LOCK = Mutex.new
      KEY = :karafka_testing_session
      # Threads that a test begins know its session, where Ruby can say so.
      STORAGE = Fiber.respond_to?(:[])
      private_constant :LOCK, :KEY, :STORAGE

      @sessions = []
      @delivering = 0

      class << self
        # @return [WaterDrop::Producer, nil] whose connections all use now: those of a cluster of the test's
        attr_reader :routed

        # @return [void]
        def on!
          @on = true
          Setup::ApplicationProducer.on_arrival = method(:attach)
          attach(App.config.producer) if App.config.producer?
        end

        # For specs of the kit itself.
        # @return [void]
        def off!
          @on = false
          Setup::ApplicationProducer.on_arrival = nil
        end

        # @param producer [WaterDrop::Producer] from now on a test's client gets what it sends
        # @return [WaterDrop::Producer]
        def attach(producer)
          # Something that only looks like one, such as a double, is the test's own affair.
          return producer unless producer.is_a?(WaterDrop::Producer) && !producer.singleton_methods(false).include?(:client)

          outside = nil
          producer.define_singleton_method(:client) do
            next Buffering.routed.client if Buffering.routed
            next Buffering.detach(self).client if Buffering.real?

            session = Buffering.current
            session ? session.client(self) : outside ||= WaterDrop::Clients::Buffered.new(self)
          end
          producer
        end

        # @param producer [WaterDrop::Producer] connects by itself from now on
        # @return [WaterDrop::Producer]
        def detach(producer)
          producer.singleton_class.send(:remove_method, :client)
          producer
        end

        # @return [Boolean] whether messages are really sent
        def real?
          return true if !@on || @delivering.positive?

          Server.execution_mode.standalone? && !%i[initializing initialized].include?(Server.status)
        end

        # @param session [Session] the test that begins in this thread
        # @return [void]
        def begin(session)
          # A test of this thread whose end nobody has reported is over.
          LOCK.synchronize { @sessions = @sessions - [Thread.current.thread_variable_get(KEY)] + [session] }
          self.current = session
        end

        # @param session [Session]
        # @return [void]
        def end(session)
          LOCK.synchronize { @sessions -= [session] }
          self.current = nil if current.equal?(session)
        end

        # @return [Session, nil] the test that this thread belongs to; with one test at a time that is it
        def current
          sessions = @sessions
          mine = own
          return mine if mine && sessions.include?(mine)

          sessions.first if sessions.size == 1
        end

        # @param producer [WaterDrop::Producer] sends what the application's is given, while the block runs
        # @return [Object] what the block returns
        def route(producer)
          @routed = producer
          yield
        ensure
          @routed = nil
        end

        # @return [Object] what the block returns
        def deliver
          LOCK.synchronize { @delivering += 1 }
          yield
        ensure
          LOCK.synchronize { @delivering -= 1 }
          attach(App.config.producer) if @on && App.config.producer?
        end

        private

        def own
          Thread.current.thread_variable_get(KEY) || (STORAGE && Fiber[KEY]) || nil
        end

        def current=(session)
          Thread.current.thread_variable_set(KEY, session)
          Fiber[KEY] = session if STORAGE
        end
      end
    end
  end
end

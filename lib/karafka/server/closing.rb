# frozen_string_literal: true

module Karafka
  module Server
    # The steps of a stop, one after the other, as each needs those that come later.
    class Closing
      # How long to wait for the engine in one go, ms.
      JOIN_MS = 1_000
      # What the application's producer gets of the time that is left: what it cannot send by then it reports.
      LAST_PART = 0.8
      # What a forced stop gets for the last commit and for leaving the groups, ms. Brokers may be away.
      FORCED_MS = 2_000
      private_constant :JOIN_MS, :LAST_PART, :FORCED_MS

      # @return [String, nil] what it is at
      attr_reader :waits_for

      # @param workers [Workers]
      # @param engine [Engine]
      # @param pump [Engine::EventPump]
      # @param transactions [TransactionalProducers]
      # @param budget [TimeBudget]
      def initialize(workers, engine, pump, transactions, budget)
        @workers = workers
        @engine = engine
        @pump = pump
        @transactions = transactions
        @budget = budget
      end

      # Returns at once: no batch begins any more.
      # @return [void]
      def begin
        @workers.close
        @transactions.stop_within(@budget)
        @engine.stop_within(@budget)
      end

      # @param producer [Object, nil] the application's, where it is ours to close
      # @return [void]
      def finish(producer)
        step("its workers") { @workers.each(&:join) }
        step("the engine") { nil until @engine.join(JOIN_MS) }
        step("subscribers of the engine's last events") { @pump.join }
        step("the producers of transactions") { @transactions.close }
        step("the application's producer") { close(producer) } if producer
      end

      # Cuts short what runs, and ends the process with status 2. What is done is committed, and the groups are left: else the next
      # process would do it again, after waiting for the end of the session.
      # @return [void]
      def end_process
        @engine.force_stop
        @engine.join(FORCED_MS)
      ensure
        $stdout.flush
        $stderr.flush
        ::Process.exit!(2)
      end

      private

      def step(name)
        @waits_for = name
        yield
      end

      def close(producer)
        return producer.close unless producer.is_a?(WaterDrop::Producer) && producer.config

        producer.close(@budget.share(producer.config.max_wait_timeout, part: LAST_PART))
      end
    end
  end
end

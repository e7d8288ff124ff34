# frozen_string_literal: true

module Karafka
  # Finds what serves a lease. Entries die with the assignment, so nothing grows with rebalances.
  class Coordinator
    # @param routes [#topic] gives the route for the indexes of a lease, as {EngineConfig} does
    # @param transactions [TransactionalProducers, nil]
    def initialize(routes, transactions = nil)
      @routes = routes
      @transactions = transactions
      @mutex = Mutex.new
      @assignments = {}
    end

    # @param lease [Native::Lease]
    # @return [Assignment]
    def fetch(lease)
      id = lease.assignment_id
      @assignments[id] || @mutex.synchronize do
        @assignments[id] ||= Assignment.new(@routes.topic(lease.group_index, lease.topic_index), lease, @transactions)
      end
    end

    # @param lease [Native::Lease]
    # @return [void]
    def evict(lease)
      @mutex.synchronize { @assignments.delete(lease.assignment_id) }
    end

    # @return [Integer]
    def size
      @assignments.size
    end
  end
end

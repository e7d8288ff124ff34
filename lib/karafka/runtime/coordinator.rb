# frozen_string_literal: true

module Karafka
  # Finds what serves a lease. Entries die with the assignment, so nothing grows with rebalances.
  class Coordinator
    # @param routes [#topic] gives the route for the indexes of a lease, as {Engine::Config} does
    # @param transactions [TransactionalProducers, nil]
    def initialize(routes, transactions = nil)
      @routes = routes
      @transactions = transactions
      @mutex = Mutex.new
      @assignments = {}
      @shares = PartitionShares.new
    end

    # @param lease [Native::Lease]
    # @return [Assignment]
    def fetch(lease)
      id = lease.assignment_id
      @assignments[id] || @mutex.synchronize { @assignments[id] ||= build(lease) }
    end

    # @param lease [Native::Lease]
    # @return [void]
    def evict(lease)
      group = @assignments[lease.assignment_id]&.topic&.consumer_group
      Failures::SkipOrders.lost(group.id, lease) if group && Failures::SkipOrders.any?
      @mutex.synchronize { @shares.release(lease) if @assignments.delete(lease.assignment_id) }
    end

    # @return [Integer]
    def size
      @assignments.size
    end

    private

    def build(lease)
      topic = @routes.topic(lease.group_index, lease.topic_index)
      Assignment.new(topic, lease, @transactions, share: @shares.take(topic, lease))
    end
  end
end

# frozen_string_literal: true

module WaterDrop
  # The ActiveRecord transactions that are open in this thread, or fiber where Rails isolates by fiber.
  # @api private
  module DatabaseTransaction
    class << self
      # Calls the block at once where no transaction is open; otherwise once all of them, of all databases, are committed, and never
      # where one of them is rolled back. A transaction that cannot be joined, such as that around a test, counts as none.
      # @param failed [#call] gets an error of this gem that cannot be raised, as another one is already
      # @yieldreturn [Object] ignored
      # @return [void]
      def after_commit(failed, &)
        return yield unless defined?(::ActiveRecord::Base)
        # Rails 7.2.
        return ::ActiveRecord.after_all_transactions_commit(&) if ::ActiveRecord.respond_to?(:after_all_transactions_commit)

        connections = open_connections
        return yield if connections.empty?

        commits = Commits.new(connections.size, failed, &)
        connections.each { |connection| connection.add_transaction_record(Participant.new(commits)) }
      end

      private

      def open_connections
        pools.select(&:active_connection?).map(&:connection).select do |connection|
          transaction = connection.current_transaction
          transaction.open? && transaction.joinable?
        end
      end

      def pools
        handler = ::ActiveRecord::Base.connection_handler
        # Rails 7.1 has one method for both.
        ::ActiveRecord.gem_version < Gem::Version.new("7.1") ? handler.all_connection_pools : handler.connection_pool_list(:all)
      end
    end

    # Counts the transactions that are not committed yet.
    class Commits
      # @param count [Integer]
      # @param failed [#call]
      def initialize(count, failed, &block)
        @count = count
        @failed = failed
        @block = block
      end

      # @param raised [Boolean] somebody has raised an error already
      # @return [void]
      def committed(raised)
        @count -= 1
        @block.call if @count.zero?
      rescue Karafka::Errors::BaseError => e
        raised ? @failed.call(e) : raise
      end
    end

    # Takes part in a transaction as a model does whose callbacks are to run: Rails calls it with the outcome, and hands it on from
    # a savepoint to the transaction around it.
    class Participant
      # @param commits [Commits]
      def initialize(commits)
        @commits = commits
      end

      # @return [void]
      def before_committed!(*); end

      # Rails says false where somebody before this one raised: a model's `after_commit`, or the sending of another message. The rows
      # are committed all the same. What is raised then would hide that error, and keep others from their turn.
      # @return [void]
      def committed!(should_run_callbacks: true)
        @commits.committed(!should_run_callbacks)
      end

      # @return [void]
      def rolledback!(**); end

      # @return [true]
      def trigger_transactional_callbacks?
        true
      end
    end
    private_constant :Commits, :Participant
  end
  private_constant :DatabaseTransaction
end

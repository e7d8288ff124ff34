# frozen_string_literal: true

module WaterDrop
  module Clients
    # Transactions of a client that sends nothing, by the same rules: what an aborted one has taken is reported as purged,
    # and not kept.
    module Transactions
      # @api private
      # @param step [:init, :begin, :commit, :abort]
      # @return [void]
      def transact(step, _timeout_ms = 0)
        case step
        when :begin then @in_transaction = []
        when :commit then @in_transaction = nil
        when :abort
          @in_transaction&.each(&:abort)
          forget_aborted
          @in_transaction = nil
        end
      end

      # @api private
      # @return [Boolean] false: the partition is lost
      def transact_offset(lease, _offset, _note, _timeout_ms = 0)
        !lease.revoked?
      end

      # @api private
      # @return [void]
      def prepare_transactions; end

      # @api private
      # @return [void]
      def await_prepared; end

      # @api private
      # @return [Boolean]
      def gap?
        false
      end

      # @api private
      # @return [Boolean]
      def transaction_open?
        !@in_transaction.nil?
      end

      # @api private
      # @return [Boolean]
      def transaction_stuck?
        false
      end

      # @api private
      # @return [void]
      def abandon; end

      private

      def in_transaction(delivery)
        @in_transaction&.push(delivery)
        delivery
      end

      def forget_aborted; end
    end
    private_constant :Transactions
  end
end

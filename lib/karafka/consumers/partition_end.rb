# frozen_string_literal: true

module Karafka
  module Consumers
    # Whether the consumer has everything that is in its partition so far.
    module PartitionEnd
      # Whether the end of the partition was behind the last message when this was asked. Needs `eofed true` in the routes.
      # When it says so in `consume`, {BaseConsumer#eofed} is not called for that end. In `shutdown` and `revoked` it says what held
      # after the last batch.
      # @return [Boolean]
      def eofed?
        lease = karafka_lease
        return @karafka_end || false unless lease.kind == :consume
        return false unless karafka_end?(lease)

        @karafka_end_reported = true
      end

      # @api private
      # @return [Boolean] whether {#eofed?} has reported the end, since the last batch
      def karafka_end_reported?
        @karafka_end_reported || false
      end

      private

      def karafka_look_for_end(lease)
        @karafka_end = true if lease.kind == :eofed
        return unless lease.kind == :consume

        @karafka_end_reported = false
        @karafka_end = karafka_end?(lease)
      end

      def karafka_end?(lease)
        return false unless topic.eofed?

        mark = lease.high_watermark
        !mark.negative? && lease.offset(lease.size - 1) + 1 >= mark
      end
    end
  end
end

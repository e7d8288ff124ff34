# frozen_string_literal: true

module Karafka
  module Consumers
    # What a consumer can ask about the partition that it serves and the batch that it got, and how consumers of one
    # partition keep out of each other's way.
    module Situation
      # @return [Boolean] whether `consume` was called, or is about to be
      def used?
        @karafka_used || false
      end

      # Whether the end of the partition was behind the last message when this was asked. Needs `eofed true` in the routes.
      # When it says so in `consume`, {BaseConsumer#eofed} is not called for that end.
      # @return [Boolean]
      def eofed?
        lease = @karafka_lease
        return true if lease.kind == :eofed
        return false unless lease.kind == :consume && topic.eofed?

        mark = lease.high_watermark
        return false if mark.negative? || lease.offset(lease.size - 1) + 1 < mark

        @karafka_told_end = true
      end

      # Errors of `consume` since the partition last got on: `last`, `size`, `counts`, `each`.
      # @return [Failures::ErrorsTracker]
      def errors_tracker
        @karafka_assignment.share.errors
      end

      # In Karafka an error takes virtual partitions together for a while. With `parallel` only what failed comes alone; the
      # others go on.
      # @return [false]
      def collapsed?
        false
      end

      # @raise [Errors::UnsupportedFeatureError] always
      def collapse_until!(*)
        raise Errors::UnsupportedFeatureError.for(
          "collapse_until!", "Messages of one key keep their order with `parallel by: :key`; raise, and those that failed come alone."
        )
      end

      # Runs the block while no other consumer of this partition is in such a block (with `parallel` there are several).
      # @return [Object] what the block returns
      def synchronize(&)
        @karafka_assignment.share.lock.synchronize(&)
      end

      # @yieldparam message [Messages::Message] each of {BaseConsumer#messages}
      # @return [Enumerator, Messages::Messages]
      def each(...)
        messages.each(...)
      end

      # @raise [Errors::UnsupportedFeatureError] always
      def insights
        raise Errors::UnsupportedFeatureError.for("insights", "`messages.metadata.lag` tells how far behind the batch is.")
      end

      # @!method statistics
      # @!method inline_insights
      # @!method insights?
      # @!method inline_insights?
      #   @raise [Errors::UnsupportedFeatureError] always
      %i[statistics inline_insights insights? inline_insights?].each { |name| alias_method name, :insights }

      # @api private
      # @return [Boolean] whether {#eofed?} has told of the end, since the last batch
      def karafka_told_end?
        @karafka_told_end || false
      end

      private

      def karafka_begin(lease)
        return unless lease.kind == :consume

        @karafka_used = true
        @karafka_told_end = false
      end
    end
  end
end

# frozen_string_literal: true

module Karafka
  module Consumers
    # Sending a message to the dead letter queue by hand.
    module DeadLettering
      # Sends a message to the topic's dead letter queue, and returns when the broker has it. It is not marked, and it does not
      # count for `stop_after`. Inside of a transaction it is sent with that.
      # @param message [Messages::Message]
      # @return [void]
      # @raise [Errors::InvalidConfigurationError] the topic has no `dead_letter_queue`
      # @raise [WaterDrop::Errors::ProduceError] the broker does not have it, or did not say so
      def dispatch_to_dlq(message)
        queue = topic.dead_letter_queue
        unless queue.active?
          raise Errors::InvalidConfigurationError,
                "#{self.class} calls dispatch_to_dlq, but the topic #{topic.name} has no dead_letter_queue"
        end

        reason = Reject.new("dispatch_to_dlq")
        return karafka_skipped(message, reason) unless queue.topic

        sent = Failures::Dispatch.new(self, message, reason, "dispatch", attempt: karafka_lease.attempt).call
        Failures::Counters.add(:dispatched, karafka_lease)
        Failures::Dispatch.announce(self, message, reason, sent, nil)
      end

      private

      def karafka_skipped(message, reason)
        Failures::Counters.add(:skipped, karafka_lease)
        payload = { caller: self, message: message, reason: "dispatch", error: reason }
        Instrumentation::Announcements.announce("consumer.consuming.skipped", payload)
      end
    end
  end
end

# frozen_string_literal: true

module Karafka
  # What an {Assignment} calls besides `consume`: methods of its consumer that have no messages.
  module AssignmentHooks
    # @param lease [Native::Lease]
    # @return [void]
    def eofed(lease)
      hook(lease, :eofed, "consumer.eof", "consumer.eofed") unless @consumer&.karafka_end_reported?
    end

    # @param lease [Native::Lease]
    # @return [void]
    def idle(lease)
      return unless @consumer
      return hook(lease, :tick, "consumer.tick", "consumer.ticked") if @topic.periodic

      hook(lease, :idle, "consumer.idle", "consumer.idled")
    end

    # @param lease [Native::Lease]
    # @return [void]
    def revoked(lease)
      # Otherwise there is no consumer to call.
      hook(lease, :revoked, "consumer.revoke", "consumer.revoked") if @consumer
    end

    # @param lease [Native::Lease]
    # @return [void]
    def shutdown(lease)
      hook(lease, :shutdown, "consumer.shutting_down", "consumer.shutdown") if @consumer
    end

    private

    # @param action [Symbol] as `wrap` gets it
    # @param before [String] name of the event before the call
    # @param after [String] of the one after it
    def hook(lease, action, before, after)
      consumer = prepare(lease)
      @outlet.publish("consumer.before_schedule_#{action}", consumer)
      observed(consumer, before, after) { around(consumer, action) { consumer.public_send(:"on_#{action}") } }
    end
  end
end

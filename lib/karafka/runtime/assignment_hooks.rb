# frozen_string_literal: true

module Karafka
  # What an {Assignment} calls besides `consume`: methods of its consumer that have no messages.
  module AssignmentHooks
    # @param lease [Native::Lease]
    # @return [void]
    def eofed(lease)
      return if @consumer&.karafka_end_reported?

      consumer = prepare(lease)
      instrument(consumer, "consumer.before_schedule_eofed")
      observed(consumer, "consumer.eof", "consumer.eofed") { around(consumer, :eofed) { consumer.on_eofed } }
    end

    # @param lease [Native::Lease]
    # @return [void]
    def idle(lease)
      return unless @consumer

      return tick(lease) if @topic.periodic

      consumer = prepare(lease)
      instrument(consumer, "consumer.before_schedule_idle")
      observed(consumer, "consumer.idle", "consumer.idled") { around(consumer, :idle) { consumer.on_idle } }
    end

    # @param lease [Native::Lease]
    # @return [void]
    def revoked(lease)
      # There is no consumer to call.
      return unless @consumer

      consumer = prepare(lease)
      instrument(consumer, "consumer.before_schedule_revoked")
      observed(consumer, "consumer.revoke", "consumer.revoked") { around(consumer, :revoked) { consumer.on_revoked } }
    end

    # @param lease [Native::Lease]
    # @return [void]
    def shutdown(lease)
      return unless @consumer

      consumer = prepare(lease)
      instrument(consumer, "consumer.before_schedule_shutdown")
      observed(consumer, "consumer.shutting_down", "consumer.shutdown") { around(consumer, :shutdown) { consumer.on_shutdown } }
    end

    private

    def tick(lease)
      consumer = prepare(lease)
      instrument(consumer, "consumer.before_schedule_tick")
      observed(consumer, "consumer.tick", "consumer.ticked") { around(consumer, :tick) { consumer.on_tick } }
    end
  end
end

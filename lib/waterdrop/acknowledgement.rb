# frozen_string_literal: true

module WaterDrop
  # Tells the monitor what became of a message. The same for the engine and for what stands in for it in tests.
  module Acknowledgement
    # What a purge reports for a message that was not sent, or not answered, by then.
    PURGED = %i[purge_queue purge_inflight].freeze
    private_constant :PURGED

    class << self
      # @param config [Config]
      # @param caller [Object] the client
      # @param report [DeliveryReport]
      # @return [Boolean] false: it failed and nobody was told, as nobody listens
      def announce(config, caller, report)
        payload = { producer_id: config.id, caller: caller, topic: report.topic, partition: report.partition, offset: report.offset,
                    label: report.label, delivery_report: report }
        name, more = event(report)
        heard = config.monitor.listening?(name)
        config.monitor.instrument(name, payload.merge(more)) if heard
        heard || report.error.nil?
      end

      private

      def event(report)
        return ["message.acknowledged", {}] if report.error.nil?
        return ["message.purged", { error: report.error }] if PURGED.include?(report.error.code)

        ["error.occurred", { error: report.error, type: "librdkafka.dispatch_error" }]
      end
    end
  end
  private_constant :Acknowledgement
end

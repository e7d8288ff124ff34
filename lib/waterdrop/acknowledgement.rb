# frozen_string_literal: true

module WaterDrop
  # Tells the monitor what became of a message. The same for the engine and for what stands in for it in tests.
  module Acknowledgement
    # What a purge reports for a message that was not sent, or not answered, by then.
    PURGED = %i[purge_queue purge_inflight].freeze

    class << self
      # @param id [String] of the producer
      # @param caller [Object] the client
      # @param report [DeliveryReport]
      # @return [Hash{Symbol=>Object}] what all these events say
      def payload(id, caller, report)
        { producer_id: id, caller: caller, topic: report.topic, partition: report.partition, offset: report.offset,
          label: report.label, delivery_report: report }
      end

      # @param config [Config]
      # @param caller [Object] the client
      # @param report [DeliveryReport]
      # @return [Boolean] false: it is an error and nobody was told, as nobody listens
      def announce(config, caller, report)
        payload = payload(config.id, caller, report)
        events = events(config, report)
        heard = events.select { |name, _| config.monitor.listening?(name) }
        heard.each { |name, more| config.monitor.instrument(name, payload.merge(more)) }
        heard.any? || !events.key?("error.occurred")
      end

      private

      # A purge is an error, too, but that of a transaction: there it is what an abort does.
      def events(config, report)
        return { "message.acknowledged" => {} } if report.error.nil?

        failed = { "error.occurred" => { error: report.error, type: "librdkafka.dispatch_error" } }
        return failed unless PURGED.include?(report.error.code)

        purged = { "message.purged" => failed.fetch("error.occurred") }
        config.kafka.key?(:"transactional.id") ? purged : purged.merge(failed)
      end
    end
  end
  private_constant :Acknowledgement
end

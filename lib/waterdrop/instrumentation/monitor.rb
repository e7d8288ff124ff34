# frozen_string_literal: true

module WaterDrop
  # What a producer tells about itself.
  module Instrumentation
    # What this version emits, with the keys of the payload (`producer_id` is always there).
    EVENTS = {
      "producer.connected" => [],
      "producer.disconnecting" => [],
      "producer.disconnected" => [],
      "producer.closing" => [],
      "producer.closed" => %i[time undelivered],
      "producer.reload" => %i[error attempt],
      "producer.reloaded" => %i[attempt failed],
      "message.produced_sync" => %i[message time],
      "message.produced_async" => %i[message time],
      "messages.produced_sync" => %i[messages time],
      "messages.produced_async" => %i[messages time],
      "message.buffered" => %i[message buffer],
      "messages.buffered" => %i[messages buffer],
      "buffer.flushed_sync" => %i[messages time],
      "buffer.flushed_async" => %i[messages time],
      "buffer.purged" => %i[messages],
      "messages.dropped" => %i[messages handles],
      "transaction.started" => %i[caller],
      "transaction.committed" => %i[caller],
      "transaction.aborted" => %i[caller],
      "transaction.finished" => %i[caller time],
      "transaction.marked_as_consumed" => %i[caller message],
      "message.acknowledged" => %i[topic partition offset label delivery_report],
      "message.purged" => %i[topic partition offset label delivery_report error],
      "statistics.emitted" => %i[statistics],
      "error.occurred" => %i[error type]
    }.freeze

    # Refused rather than accepted in silence.
    NOT_YET = %w[
      poller.producer_registered poller.producer_unregistered oauthbearer.token_refresh
    ].freeze

    # A monitor of a producer: `subscribe`, `unsubscribe`, `instrument`.
    class Monitor < Karafka::Instrumentation::Monitor
      def initialize
        super(Karafka::Instrumentation::Notifications.new(EVENTS.keys, not_yet: NOT_YET))
      end
    end
  end
end

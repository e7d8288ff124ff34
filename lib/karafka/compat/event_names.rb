# frozen_string_literal: true

module Karafka
  module Compat
    # Events of Karafka 1.x and early 2.x that have another name today, or none.
    module EventNames
      CONSUMED = "consumer.consumed"
      FAILED = "error.occurred"
      private_constant :CONSUMED, :FAILED

      # name => what to subscribe to instead; nil: there is no such moment any more
      FORMER = {
        "fetcher.call.error" => FAILED, "server.stop.error" => FAILED,
        "connection.listener.fetch_loop.error" => FAILED, "connection.client.fetch_loop.error" => FAILED,
        "connection.client.rebalance_callback" => "rebalance.partitions_assigned",
        "connection.delegator.call" => CONSUMED, "connection.batch_delegator.call" => CONSUMED,
        "connection.message_delegator.call" => CONSUMED, "backends.inline.process" => CONSUMED,
        "params.params.parse" => nil, "params.params.parse.error" => FAILED,
        "params.params.deserialize" => nil, "params.params.deserialize.error" => FAILED,
        "async_producer.call.error" => FAILED, "async_producer.call.retry" => nil,
        "sync_producer.call.error" => FAILED, "sync_producer.call.retry" => nil,
        "runner.before_call" => "app.running", "server.stop" => "app.stopping", "app.stopping.error" => FAILED
      }.freeze

      PARSING = ->(event) { event[:error].is_a?(Errors::DeserializationError) }
      STOPPING = ->(event) { event[:type] == "app.stopping.error" }
      CONNECTION = ->(event) { event[:type].to_s.start_with?("connection.", "librdkafka.") }
      ALWAYS = ->(_event) { true }
      private_constant :PARSING, :STOPPING, :CONNECTION, :ALWAYS

      # Those whose subscribers get today's event: its payload has what theirs had. With which of today's events they are.
      MAPPED = {
        "params.params.parse.error" => PARSING, "params.params.deserialize.error" => PARSING,
        "app.stopping.error" => STOPPING, "server.stop.error" => STOPPING,
        "fetcher.call.error" => CONNECTION, "connection.listener.fetch_loop.error" => CONNECTION,
        "connection.client.fetch_loop.error" => CONNECTION,
        "backends.inline.process" => ALWAYS, "runner.before_call" => ALWAYS, "server.stop" => ALWAYS
      }.freeze

      # A subscriber of a former event, at today's.
      Subscriber = Struct.new(:target, :wanted) do
        # @param event [Instrumentation::Event]
        # @return [void]
        def call(event)
          target.call(event) if wanted.call(event)
        end
      end

      # @param name [String] one of {FORMER}
      # @return [String] a sentence
      def self.instead(name)
        today = FORMER.fetch(name)
        today ? "It is #{today.inspect} today#{" (see event[:type])" if today == FAILED}." : "There is no such event any more."
      end
    end
  end
end

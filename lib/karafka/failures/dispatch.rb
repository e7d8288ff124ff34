# frozen_string_literal: true

module Karafka
  module Failures
    # Sends a message to the dead letter queue or to a retry topic, and waits until the broker has it: only then may it be
    # marked.
    class Dispatch
      # @param consumer [BaseConsumer] its producer is used
      # @param message [Messages::Message]
      # @param error [Exception]
      # @param reason [String] "error", "reject" or "deserialization"
      # @param attempt [Integer]
      # @param stage [Routing::RetryTopic, nil] nil: the dead letter queue
      # @param without_payload [Boolean] it is too large
      def initialize(consumer, message, error, reason, attempt:, stage: nil, without_payload: false)
        @consumer = consumer
        @message = message
        @stage = stage
        @queue = consumer.topic.dead_letter_queue
        @headers = Headers.for(message, consumer.topic, error, reason, attempt)
        @headers[Headers::PAYLOAD_BYTES] = message.raw_payload.bytesize.to_s if without_payload
        # Not nil: sent back as it is, that would delete the key of a compacted topic.
        @payload = without_payload ? "" : message.raw_payload
      end

      # @return [Hash{Symbol=>Object}] what was sent
      # @raise [WaterDrop::Errors::ProduceError, StandardError] the broker does not have it, or did not say so
      def call
        dead = to_h
        # Applications define both of these as private methods, too.
        result = @consumer.send(:producer).public_send(@queue.dispatch_method, dead)
        result.wait if result.respond_to?(:wait)
        dead
      end

      # @return [Hash{Symbol=>Object}] key, payload and headers are the bytes that came
      def to_h
        dead = {
          topic: @stage ? @stage.subscription_name : @queue.kafka_topic,
          key: @message.raw_key,
          payload: @payload,
          # All of one partition go to one partition, so they stay in order.
          partition_key: @headers["source_partition"].to_s,
          headers: Messages::PassedHeaders.of(@message, headers)
        }
        @consumer.send(:enhance_dlq_message, dead, @message) unless @stage
        dead
      end

      # @param consumer [BaseConsumer]
      # @param message [Messages::Message]
      # @param error [Exception]
      # @param dead [Hash{Symbol=>Object}] what was sent
      # @param stage [Routing::RetryTopic, nil]
      # @return [void]
      def self.announce(consumer, message, error, dead, stage)
        payload = { caller: consumer, message: message, topic: dead[:topic], attempt: dead[:headers]["source_attempts"].to_i, error: error }
        return Instrumentation::Announcements.announce("retry_topics.dispatched", payload.merge(delay: stage.retry_delay)) if stage

        without_payload = dead[:headers].key?(Headers::PAYLOAD_BYTES)
        Instrumentation::Announcements.announce("dead_letter_queue.dispatched", payload.merge(without_payload: without_payload))
      end

      private

      def headers
        @stage ? @headers.merge(Headers::DUE => (now_ms + @stage.retry_delay).to_s) : @headers
      end

      def now_ms
        ::Process.clock_gettime(::Process::CLOCK_REALTIME, :millisecond)
      end
    end
  end
end

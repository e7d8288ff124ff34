# frozen_string_literal: true

require "time"

module Karafka
  module Failures
    # What a dead letter, or a message in a retry topic, says about where it comes from.
    module Headers
      # Names of ours in the headers.
      SOURCE = %w[source_topic source_partition source_offset source_timestamp].freeze
      DUE = "retry_due_at"
      # Only in a dead letter whose payload was left out: how long it was.
      PAYLOAD_BYTES = "source_payload_bytes"
      # All that a dead letter, or a message in a retry topic, has besides its own headers.
      NAMES = (SOURCE + %w[source_consumer_group source_attempts source_reason source_error_class source_error_message
                           source_failed_at] + [DUE, PAYLOAD_BYTES]).freeze
      # Longest text of an error, bytes.
      TEXT_BYTES = 1_000
      private_constant :SOURCE

      class << self
        # @param message [Messages::Message]
        # @param topic [Routing::Topic] of the consumer that failed
        # @param error [Exception]
        # @param reason [String]
        # @param attempt [Integer] tries in this topic
        # @return [Hash{String=>String, Array<String>, nil}] those of the message, and ours
        def for(message, topic, error, reason, attempt)
          own = message.raw_headers
          origin = topic.retry_topic? && own["source_topic"] ? own.slice(*SOURCE) : origin(message)
          earlier = topic.retry_topic? ? own["source_attempts"].to_i : 0
          own.except(DUE).merge(
            origin,
            "source_consumer_group" => topic.consumer_group.id,
            "source_attempts" => (earlier + attempt).to_s,
            "source_reason" => reason,
            "source_error_class" => error.class.name || "anonymous class",
            "source_error_message" => Instrumentation::Safely.bounded_message(error, TEXT_BYTES),
            "source_failed_at" => Time.now.utc.iso8601(3)
          )
        end

        # @param message [Messages::Message]
        # @return [Hash{String=>String}] where it is; also of messages that a consumer passes on
        def place(message)
          { "source_topic" => message.topic, "source_partition" => message.partition.to_s, "source_offset" => message.offset.to_s }
        end

        private

        def origin(message)
          place(message).merge("source_timestamp" => message.timestamp && (message.timestamp.to_r * 1_000).to_i.to_s).compact
        end
      end
    end
  end
end

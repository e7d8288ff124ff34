# frozen_string_literal: true

module WaterDrop
  # What is said of a message that did not arrive: which topic, why, and what to do where that is known. librdkafka's own
  # text names neither.
  # @api private
  module FailureText
    # librdkafka's and a broker's names for a topic that is not there.
    NO_TOPIC = %i[unknown_topic unknown_topic_or_part].freeze

    TIMESTAMP = ". The topic limits how far from the broker's clock a timestamp may be (message.timestamp.before.max.ms and " \
                "message.timestamp.after.max.ms)"
    private_constant :TIMESTAMP

    class << self
      # @param report [DeliveryReport] of a message that was not delivered
      # @return [String]
      def of(report)
        "a message to #{report.topic} was not delivered: #{report.error.message}#{hint(report.topic, nil, report.error.code)}"
      end

      # @param message [Hash{Symbol=>Object}, nil] the first that was not taken
      # @param place [Integer] which one of the call
      # @param count [Integer] messages of the call
      # @param text [String]
      # @param code [Symbol]
      # @return [String]
      def refused(message, place, count, text, code)
        topic = message && message[:topic]
        more = hint(topic, message && message[:partition], code)
        "message #{place} of #{count}#{", to #{topic}," if topic} was refused: #{text} (#{code})#{more}"
      end

      private

      def hint(topic, partition, code)
        return "" unless topic
        return ". If the topic is not there, create it: kafka-topics --create --topic #{topic}" if NO_TOPIC.include?(code)
        return TIMESTAMP if code == :invalid_timestamp
        return ". The topic has no partition #{partition}" if code == :unknown_partition && partition

        ""
      end
    end
  end
end

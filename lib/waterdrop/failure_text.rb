# frozen_string_literal: true

module WaterDrop
  # The log line of a message that did not arrive: which topic, why, and what to do where that is known. librdkafka's own
  # text names neither.
  # @api private
  module FailureText
    # What each message says in an outage, or of a purge.
    REPEATED = %i[msg_timed_out purge_queue purge_inflight transport resolve timed_out all_brokers_down].freeze
    # What a call may be refused with because brokers cannot be reached.
    OUTAGE = %i[queue_full transport resolve timed_out all_brokers_down].freeze
    private_constant :REPEATED, :OUTAGE

    class << self
      # What became of a message, with librdkafka's name of it, as rdkafka has it, and with what kept the producer from its
      # brokers meanwhile.
      # @param topic [String]
      # @param partition [Integer]
      # @param failure [Array] code, text, fatal, retryable, and code and text of that trouble where there was one
      # @param kafka [Hash{Symbol=>Object}] settings of the producer
      # @return [Karafka::Errors::KafkaError]
      def error(topic, partition, failure, kafka)
        code, text, fatal, retryable, *meanwhile = failure
        trouble = trouble(*meanwhile, kafka) if meanwhile.any?
        text = [because("#{text} (#{code})", trouble), hint(topic, partition, code, kafka)].join
        error = Karafka::Errors::KafkaError.new(
          text, code: code, fatal: fatal || false, retryable: retryable || false, topic: topic, partition: partition
        )
        trouble ? error.because(trouble) : error
      end

      # @param code [Symbol] that a call was refused with
      # @return [Boolean] whether an outage may be behind it
      def outage?(code)
        OUTAGE.include?(code)
      end

      # @param code [Symbol]
      # @param text [String]
      # @param kafka [Hash{Symbol=>Object}]
      # @return [Karafka::Errors::KafkaError]
      def trouble(code, text, kafka)
        explained = Karafka::Diagnosis.of(code, text, kafka: kafka, writes: true).explain(text)
        Karafka::Errors::KafkaError.new(explained, code: code, retryable: true)
      end

      # @param text [String] what did not work
      # @param trouble [Karafka::Errors::KafkaError, nil] what went wrong meanwhile
      # @return [String]
      def because(text, trouble)
        trouble ? "#{text}. Meanwhile: #{trouble.message}" : text
      end

      # @param repeats [Karafka::Diagnosis::Repeats] what the log has said
      # @param topic [String]
      # @param code [Symbol]
      # @return [Integer, nil] how many messages said the same since; nil: this one has nothing to add for the log
      def due(repeats, topic, code)
        REPEATED.include?(code) ? repeats.due([topic, code]) : 0
      end

      # @param report [DeliveryReport] of a message that was not delivered
      # @return [String]
      def of(report)
        "a message to #{report.topic} was not delivered: #{report.error.message}"
      end

      # @param message [Hash{Symbol=>Object}, nil] the first that was not taken
      # @param place [Integer] which one of the call
      # @param count [Integer] messages of the call
      # @param text [String]
      # @param code [Symbol]
      # @return [String]
      def refused(message, place, count, text, code)
        topic = message && message[:topic]
        more = hint(topic, message && message[:partition], code, {})
        "message #{place} of #{count}#{", to #{topic}," if topic} was refused: #{text} (#{code})#{more}"
      end

      private

      def hint(topic, partition, code, kafka)
        return "" unless topic
        return ". The topic has no partition #{partition}" if code == :unknown_partition && partition

        found = Karafka::Diagnosis.of(code, nil, kafka: kafka, topic: topic, writes: true)
        found.advice && found.about != :brokers ? ". #{found.advice}" : ""
      end
    end
  end
end

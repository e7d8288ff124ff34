# frozen_string_literal: true

module WaterDrop
  # Where a message ended up.
  class DeliveryReport
    # @return [String]
    attr_reader :topic
    # @return [Integer] -1 where it has none
    attr_reader :partition
    # @return [Integer] -1 where it was not stored; also -1001 of librdkafka's
    attr_reader :offset
    # @return [Karafka::Errors::KafkaError, nil] nil: delivered
    attr_reader :error
    # @return [Object, nil] what the message had as `label`
    attr_reader :label
    # @return [Integer, nil] from the call to the broker's answer, in microseconds
    attr_reader :latency_us

    # In the order of the gem rdkafka.
    # @param partition [Integer]
    # @param offset [Integer]
    # @param topic [String]
    # @param error [Karafka::Errors::KafkaError, nil]
    # @param label [Object, nil]
    # @param latency_us [Integer, nil]
    def initialize(partition, offset, topic, error = nil, label = nil, latency_us = nil) # rubocop:disable Metrics/ParameterLists
      @topic = topic
      @partition = partition
      @offset = offset
      @error = error
      @label = label
      @latency_us = latency_us
    end
    alias topic_name topic

    # @param delivery [Karafka::Native::Delivery, Clients::FakeDelivery]
    # @param index [Integer]
    # @param label [Object, nil]
    # @yieldreturn [Hash{Symbol=>Object}] the producer's settings of librdkafka, asked for where it failed
    # @return [DeliveryReport, nil] nil: not known yet
    def self.of(delivery, index, label)
      partition, offset, latency_us, *failure = delivery.report(index)
      return unless partition

      topic = delivery.topic(index)
      error = FailureText.error(topic, partition, failure, yield) if failure.any?
      new(partition, offset, topic, error, label, latency_us)
    end

    # @return [Boolean]
    def delivered?
      error.nil?
    end
  end
end

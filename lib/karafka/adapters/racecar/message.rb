# frozen_string_literal: true

module Racecar
  # A message that a consumer processes: a view into the batch it came with.
  class Message
    class << self
      # @!method over(source, index)
      # @api private
      alias over new

      # A message by hand, for tests.
      # @param message [Object] answers topic, partition, offset, key, payload, headers and timestamp, as a message of the gem rdkafka
      # @param retries_count [Integer, nil]
      # @return [Message]
      def new(message, retries_count: nil)
        HandMade.over(message, 0).tap { |made| made.retries_count = retries_count }
      end

      # @api private
      # @param lease [Karafka::Native::Lease]
      # @return [Array<Message>]
      def all(lease)
        # The values of all cross the border at once: whoever takes a batch reads them.
        list = lease.raw_payloads
        index = 0
        size = list.size
        while index < size
          list[index] = over(lease, index, list[index])
          index += 1
        end
        list
      end
    end

    # @api private
    def initialize(source, index, value = nil)
      @source = source
      @index = index
      @value = value
    end

    # @return [String, nil] the bytes as they came; nil for a tombstone
    def value = @value || @source.raw_payload(@index)
    alias payload value

    # @return [String, nil]
    def key = @source.raw_key(@index)

    # @return [Hash{String=>String}]
    def headers = @source.raw_headers(@index)

    # @return [String]
    def topic = @source.topic

    # @return [Integer]
    def partition = @source.partition

    # @return [Integer]
    def offset = @source.offset(@index)

    # @return [Time, nil]
    def create_time
      milliseconds = @source.timestamp_ms(@index)
      Time.at(0, milliseconds, :millisecond) unless milliseconds.negative?
    end
    alias timestamp create_time

    # @return [Integer] how often it has failed before
    def retries_count = @source.attempt - 1

    # @param other [Object]
    # @return [Boolean] whether it is the same place in Kafka, with the same value
    def ==(other)
      other.is_a?(Message) && %i[topic partition offset value].all? { |part| public_send(part) == other.public_send(part) }
    end

    # @return [String]
    def inspect = "#<#{self.class} #{topic}/#{partition}@#{offset}>"

    # Built from an object of a test.
    class HandMade < self
      # @return [Integer, nil]
      attr_accessor :retries_count

      def value = @source.payload
      alias payload value

      def key = @source.key
      def headers = @source.headers
      def offset = @source.offset
      def create_time = @source.timestamp
      alias timestamp create_time
    end
    private_constant :HandMade
  end
end

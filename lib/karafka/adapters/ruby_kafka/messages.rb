# frozen_string_literal: true

require_relative "../outgoing"

module Kafka
  # A message that waits to be sent.
  class PendingMessage
    # @return [String, nil]
    attr_reader :value, :key, :partition_key
    # @return [String]
    attr_reader :topic
    # @return [Integer, nil]
    attr_reader :partition
    # @return [Hash{String=>String}]
    attr_reader :headers
    # @return [Time]
    attr_reader :create_time

    def initialize(value:, key:, topic:, partition:, partition_key:, create_time:, headers: {})
      @value = value
      @key = key
      @headers = headers
      @topic = topic
      @partition = partition
      @partition_key = partition_key
      @create_time = create_time
    end

    # @return [Integer] of key and value, bytes
    def bytesize = key.to_s.bytesize + value.to_s.bytesize

    def ==(other)
      other.instance_of?(PendingMessage) && parts == other.parts
    end

    # @api private
    # @return [Hash{Symbol=>Object}] as the engine takes it
    def to_engine(partition = self.partition)
      message = { topic: topic, payload: value, key: key, timestamp: create_time }
      message[:headers] = Karafka::Adapters::Outgoing.headers(headers) unless headers.nil? || headers.empty?
      if partition then message[:partition] = partition
      elsif partition_key then message[:partition_key] = partition_key
      # Of an empty key librdkafka thinks as of none.
      elsif key && key.empty? then message[:partition] = 0
      end
      message
    end

    protected

    def parts = [value, key, topic, headers, partition, partition_key, create_time]
  end

  # A message as a consumer gets it. What it has is read when it is touched.
  class FetchedMessage
    # @api private
    # @return [Karafka::Native::Lease, Karafka::Native::ReadBatch]
    attr_reader :source

    # @api private
    def initialize(source, index)
      @source = source
      @index = index
    end

    # @return [String]
    def topic = @source.topic
    # @return [Integer]
    def partition = @source.partition
    # @return [Integer]
    def offset = @source.offset(@index)
    # @return [String, nil]
    def value = defined?(@value) ? @value : @value = @source.raw_payload(@index)
    # @return [String, nil]
    def key = @source.raw_key(@index)
    # @return [Hash{String=>String}]
    def headers = @source.raw_headers(@index)

    # @return [Time]
    def create_time
      milliseconds = @source.timestamp_ms(@index)
      Time.at(milliseconds / 1_000, milliseconds % 1_000, :millisecond)
    end

    # @return [false] the engine passes on no marks of transactions
    def is_control_record = false # rubocop:disable Naming/PredicateName -- ruby-kafka's name
  end

  # Messages of one partition, in order.
  class FetchedBatch
    # @return [String]
    attr_reader :topic
    # @return [Integer]
    attr_reader :partition, :last_offset, :highwater_mark_offset
    # @return [Array<FetchedMessage>] an interceptor may put others here
    attr_accessor :messages

    # @api private
    # @param source [Karafka::Native::Lease, Karafka::Native::ReadBatch]
    def initialize(source)
      @topic = source.topic
      @partition = source.partition
      @messages = Array.new(source.size) { |index| FetchedMessage.new(source, index) }
      @last_offset = source.offset(source.size - 1)
      # -1: no answer of a broker has said it yet. The end is behind what was fetched at least.
      @highwater_mark_offset = [source.high_watermark, @last_offset + 1].max
    end

    # @return [Boolean]
    def empty? = @messages.empty?
    # @return [false] it is always known here
    def unknown_last_offset? = false
    # @return [Integer, nil]
    def first_offset = @messages.first&.offset
    # @return [Integer] messages of the partition behind this batch
    def offset_lag = @highwater_mark_offset - 1 - @last_offset
  end
end

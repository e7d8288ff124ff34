# frozen_string_literal: true

module Kafka
  # Reading without a group: nothing is committed.
  module Reading
    # ruby-kafka's names of positions, and the numbers that Kafka has for them.
    ENDS = { earliest: :earliest, latest: :latest, -1 => :latest, -2 => :earliest }.freeze
    private_constant :ENDS

    # The next messages of a partition; waits for some at its end.
    # @param topic [String]
    # @param partition [Integer]
    # @param offset [Integer, Symbol] :earliest, :latest, or an offset
    # @param max_wait_time [Numeric] seconds
    # @param min_bytes [Integer] a broker waits for this many
    # @param max_bytes [Integer]
    # @param retries [Integer] librdkafka tries again by itself
    # @return [Array<FetchedMessage>] empty: none came in time
    # @raise [OffsetOutOfRange]
    # @raise [UnknownTopicOrPartition]
    # @raise [Error]
    def fetch_messages(topic:, partition:, offset: :latest, max_wait_time: 5, min_bytes: 1, max_bytes: 1_048_576, retries: 1) # rubocop:disable Lint/UnusedMethodArgument
      from = ENDS.fetch(offset, offset)
      in_log!(topic, partition, from) if from.is_a?(Integer)
      batch = first_batch(iterator(topic, from, min_bytes: min_bytes, max_bytes: max_bytes, partitions: [partition]), max_wait_time)
      batch ? Array.new(batch.size) { |index| FetchedMessage.new(batch, index) } : []
    rescue ArgumentError
      count = partitions_for(topic)
      raise if partition.is_a?(Integer) && partition.between?(0, count - 1)

      raise UnknownTopicOrPartition, "#{topic} has no partition #{partition}, it has #{count}, beginning with 0"
    end

    # All messages of a topic, and those that come later, until the block is left.
    # @param topic [String]
    # @param start_from_beginning [Boolean]
    # @yieldparam message [FetchedMessage]
    # @return [void]
    # @raise [Error]
    def each_message(topic:, start_from_beginning: true, max_wait_time: 5, min_bytes: 1, max_bytes: 1_048_576) # rubocop:disable Lint/UnusedMethodArgument
      ErrorNames.translated do
        iterator(topic, start_from_beginning ? :earliest : :latest, min_bytes: min_bytes, max_bytes: max_bytes).each_batch do |batch|
          batch.size.times { |index| yield FetchedMessage.new(batch, index) }
        end
      end
    end

    private

    def iterator(topic, from, min_bytes:, max_bytes:, **more)
      kafka = @settings.with("fetch.min.bytes" => min_bytes, "max.partition.fetch.bytes" => max_bytes)
      ErrorNames.translated { Karafka::Admin.new(kafka: kafka, tokens: @settings.tokens).iterator(topic.to_s, from: from, to: nil, **more) }
    end

    def in_log!(topic, partition, offset)
      low, high = asked { |admin| admin.topics.read_watermark_offsets(topic.to_s, partition) }
      return if (low..high).cover?(offset)

      error = OffsetOutOfRange.new("#{topic}/#{partition} has no offset #{offset}: it begins at #{low} and ends before #{high}")
      error.topic, error.partition, error.offset = topic, partition, offset # rubocop:disable Style/ParallelAssignment
      raise error
    end

    # What it takes to connect counts, too.
    def first_batch(iterator, seconds)
      found = nil
      watch = Thread.new { sleep(seconds) && iterator.stop }
      ErrorNames.translated do
        iterator.each_batch do |batch|
          found ||= batch
          iterator.stop
        end
      end
      found
    ensure
      watch&.kill
    end
  end
end

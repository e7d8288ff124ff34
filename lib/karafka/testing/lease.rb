# frozen_string_literal: true

require "json"

module Karafka
  module Testing
    # Stands in for Native::Lease: a batch of a test, and what became of it. Records what was marked and how it was settled.
    class Lease
      SETTLES = %i[ack release nack retry untried skip_message].freeze
      private_constant :SETTLES

      # @return [Symbol] :consume, :eofed, :idle, :revoked or :shutdown
      attr_reader :kind
      attr_reader :assignment_id, :group_index, :topic_index, :received_at_ms

      # @return [Integer]
      def lane = 0

      # @return [String] name in Kafka
      attr_reader :topic
      # @return [Integer]
      attr_reader :partition
      # @return [Array] what was asked of the engine, in order
      attr_reader :calls
      # @return [Array<Integer>]
      attr_reader :marked
      # @return [Integer] where the batch before ended
      attr_reader :follows
      # @return [Integer] end of the partition
      attr_reader :high_watermark
      # @return [Boolean] whether the partition belongs to another process
      attr_accessor :lost
      # @return [Integer] ms of a retry, where no position knows better
      attr_accessor :nack_delay

      # @param payloads [Array<String, nil>]
      # @param position [Position, nil] nil: what is settled is only recorded
      def initialize(payloads = [], kind: :consume, first_offset: 0, assignment_id: 1, topic: "orders", partition: 0, attempt: 1, keys: [],
                     headers: [], topic_index: 0, timestamp_ms: 1_700_000_000_123, offsets: nil, timestamps: nil, follows: 0, position: nil,
                     high_watermark: nil)
        @payloads = payloads
        @kind = kind
        @first_offset = first_offset
        @assignment_id = assignment_id
        @topic = topic.dup.freeze
        @partition = partition
        @attempt = attempt
        @keys = keys
        @headers = headers
        @group_index = 0
        @topic_index = topic_index
        @timestamps = timestamps || Array.new(payloads.size, timestamp_ms)
        @received_at_ms = (@timestamps.last || timestamp_ms) + 5
        @offsets = offsets || Array.new(size) { |index| first_offset + index }
        @follows = follows
        @high_watermark = high_watermark || ((@offsets.last || (first_offset - 1)) + 1)
        @position = position
        @calls = []
        @marked = []
        @nack_delay = 1_000
      end

      # @param messages [Array<Messages::Message>]
      # @param position [Position]
      # @return [Lease] of these messages, as they would come from Kafka
      def self.of(messages, position, **options)
        parts = {
          keys: messages.map(&:raw_key), headers: messages.map(&:raw_headers), offsets: messages.map(&:offset),
          timestamps: messages.map { |message| (message.timestamp.to_r * 1_000).to_i }
        }
        new(messages.map(&:raw_payload), position: position, attempt: position.attempt, follows: position.cursor || 0, **parts, **options)
      end

      def group_id = "app_0"
      def size = @payloads.size
      def bytesize = @payloads.compact.sum(&:bytesize)
      def offset(index) = @offsets.fetch(index)
      def timestamp_ms(index) = @timestamps[index]
      def raw_payload(index) = @payloads[index]&.dup
      def raw_key(index) = @keys[index]
      def raw_headers(index) = @headers[index] || {}
      def offsets = @offsets.dup
      def raw_payloads = @payloads.map(&:dup)
      def json(index) = JSON.parse(@payloads[index])
      def groups_by_key = (0...size).group_by { |index| raw_key(index) }.values

      def last_by_key
        (0...size).reject { |index| raw_key(index) && (index + 1...size).any? { |later| raw_key(later) == raw_key(index) } }
      end

      def pluck(paths)
        rows = @payloads.map { |payload| paths.map { |path| JSON.parse(payload).dig(*path) } }
        paths.size == 1 ? rows.map(&:first) : rows
      end

      def attempt = @position ? @position.attempt_of(@attempt || @position.attempt) : @attempt

      def ack = settle(:ack) { |position| position.finish(self, true) }
      def release = settle(:release) { |position| position.finish(self, false) }

      def nack
        delay = nack_delay
        settle(:nack) { |position| delay = position.retry(self, nil, false) } && delay
      end

      def retry(delay, alone)
        waits = delay || nack_delay
        settle(delay.nil? && !alone ? :nack : [:retry, delay, alone]) { |position| waits = position.retry(self, delay, alone) } && waits
      end

      # No consumer has seen it.
      def untried(times)
        waits = nack_delay
        settle([:untried, times]) { |position| waits = position.untried(self, times) } && waits
      end

      def skip_message(offset, mark) = settle([:skip_message, offset, mark]) { |position| position.skip_message(self, offset, mark) }

      # Only a process that runs shows these.
      def set_place(*) = nil
      def departed(_kind) = nil

      # @return [Array] how it was settled
      def settled = @calls.select { |call| SETTLES.include?(Array(call).first) }
      def settled? = !settled.empty?
      def unmarked_index = @position ? @position.unmarked_index(self) : @offsets.index(seek_offset)

      def mark(offset)
        return false if gone?

        @marked << offset
        @position&.mark(offset)
        true
      end

      def mark_at(index)
        offset = offset(index)
        mark_exactly(offset, false) if gone? || !back?(offset)
      end

      def mark_exactly(offset, _commits)
        return false if gone?

        back = back?(offset)
        @marked << offset
        @position&.mark_exactly(offset)
        back ? :back : true
      end

      def transaction_committed(offset) = mark(offset - 1)
      def committed_offset(_timeout_ms) = @position&.unmarked
      def store_metadata(metadata) = !gone? && !!write_metadata(metadata)
      def committed_metadata = ((@position ? @position.metadata : @metadata).to_s unless gone?)
      def spread(keys) = @calls << [:spread, keys]
      def seeking? = !@position&.sought.nil?
      def revoked? = !!gone?
      def ending? = revoked?

      def seek_offset
        return @position.seek_offset if @position

        @marked.max ? @marked.max + 1 : @first_offset
      end

      %i[commit_async commit_sync].each do |name|
        define_method(name) do
          @calls << name
          !gone?
        end
      end

      def pause(offset, duration)
        @calls << [:pause, offset, duration]
        return false if gone?

        @position&.pause = duration
        @position&.seek(offset, false) if offset
        true
      end

      def resume
        @calls << :resume
        @position&.pause = nil
        !gone?
      end

      # Recorded without what is the default.
      def seek(position, forgets)
        @calls << [:seek, position, *(forgets ? [] : [false])]
        return false if gone?

        @position&.seek(position, forgets)
        true
      end

      def offset_at(time_ms, _timeout_ms)
        @calls << [:offset_at, time_ms]
        return if gone?

        @position ? @offsets.zip(@timestamps).find { |_, at| at >= time_ms }&.first || high_watermark : 42
      end

      private

      def gone? = lost || @position&.lost

      def back?(offset)
        @position ? @position.back?(offset) : @marked.any? && offset < @marked.last
      end

      def write_metadata(text)
        @position ? @position.metadata = text : @metadata = text
      end

      def settle(how)
        raise "settled twice: #{@calls.inspect}, #{how}" unless settled.empty?

        @calls << how
        yield @position if @position && !gone? && kind == :consume && block_given?
        !gone?
      end
    end
  end
end

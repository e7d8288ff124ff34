# frozen_string_literal: true

module Karafka
  module Messages
    # A batch of one partition, in offset order. A view that keeps nothing: each pass makes its own Message objects
    # (equal ones, but not the same), so that what was processed can be collected while the batch is. {#deserialize!}
    # decodes all payloads and keeps the messages, for code that goes over them several times or changes payloads.
    class Messages
      include Enumerable

      class << self
        # @!method over(lease, decoders = nil)
        # @api private
        alias over new

        # Builds a batch by hand, for tests.
        # @param messages [Array<Message>]
        # @param metadata [BatchMetadata, nil]
        # @return [Messages]
        def new(messages, metadata = nil)
          ArrayBatch.over(messages, metadata)
        end
      end

      # @return [Integer]
      attr_reader :size
      alias length size
      alias batch_size size

      # @api private
      def initialize(lease, decoders = nil)
        @lease = lease
        @decoders = decoders
        @size = lease.size
        @list = nil
        @processed_ms = ::Process.clock_gettime(::Process::CLOCK_REALTIME, :float_millisecond)
      end

      # @param clean [Boolean] whether each message is cleaned ({Message#clean!}) after the block had it
      # @yieldparam message [Message]
      # @return [self, Enumerator]
      def each(clean: false, &block)
        return to_enum(:each, clean: clean) { @size } unless block
        return each_cleaned(&block) if clean
        return each_kept(&block) if @list

        lease = @lease
        decoders = @decoders
        size = @size
        index = 0
        while index < size
          yield Message.over(lease, index, decoders)
          index += 1
        end
        self
      rescue Exception => e # rubocop:disable Lint/RescueException -- raised again
        failed_at(index, e) if index && block.source_location
        raise
      end

      # @param error [Exception] of `consume`
      # @return [Integer, nil] index of the message that the block of {#each} had when it raised that; nil: it was raised elsewhere
      # @api private
      def index_of_failure(error)
        index, met = @failure
        index if met && (met.equal?(error) || met.equal?(error.cause))
      end

      # @param index [Integer, Range]
      # @return [Message, Array<Message>, nil]
      def [](index)
        return to_a[index] unless index.is_a?(Integer)

        index += @size if index.negative?
        at(index) if index >= 0 && index < @size
      end

      # @param index [Integer] of a message of the batch as it was delivered
      # @return [Message, nil] that message, or the next one that filters have left
      # @api private
      def from(index) = self[index]

      # @param count [Integer] none: the first message
      # @return [Message, Array<Message>, nil]
      def first(*count)
        count.empty? ? self[0] : to_a.first(*count)
      end

      # @param count [Integer] none: the last message
      # @return [Message, Array<Message>, nil]
      def last(*count)
        count.empty? ? self[-1] : to_a.last(*count)
      end

      # @return [Integer]
      def count(*item, &block)
        item.empty? && !block ? @size : super
      end

      # @return [Boolean]
      def empty?
        @size.zero?
      end

      # @return [Array<Message>]
      def to_a
        list = []
        index = 0
        # Not through each, which others may have patched.
        while index < @size
          list << at(index)
          index += 1
        end
        list
      end

      # @return [Array<Object>] all payloads, decoded
      # @raise [Errors::DeserializationError]
      def payloads
        to_a.map!(&:payload)
      end

      # @return [Array<String, nil>]
      def raw_payloads
        @lease.raw_payloads
      end

      # @return [String] the payloads as JSON
      def to_json(...)
        payloads.to_json(...)
      end

      # @return [Array<Object>] what ActiveSupport makes JSON of: the payloads
      def as_json(...)
        to_a.map { |message| message.as_json(...) }
      end

      # @return [Array<Object, nil>]
      def keys
        to_a.map!(&:key)
      end

      # @return [Array<Integer>]
      def offsets
        @lease.offsets
      end

      # Decodes all payloads now, and keeps the messages: from here on each access gives the same objects.
      # @return [self]
      # @raise [Errors::DeserializationError]
      def deserialize!
        # Not through each, which others may have patched.
        keep!
        @list.each(&:payload)
        self
      end
      # Its name in Karafka 1.3.
      alias parse! deserialize!

      # Keeps the messages: from here on each access gives the same objects.
      # @return [self]
      def keep!
        @list ||= to_a
        self
      end

      # @return [Array<Message>] Karafka 1.x: the messages, decoded
      def parsed
        deserialize!.to_a
      end

      # @return [BatchMetadata]
      def metadata
        lease = @lease
        watermark = lease.high_watermark
        BatchMetadata.new(
          size: @size, first_offset: @size.zero? ? nil : lease.offset(0), last_offset: @size.zero? ? nil : lease.offset(@size - 1),
          partition: lease.partition, topic: @decoders&.topic || lease.topic, deserializers: @decoders,
          created_at: last&.timestamp, scheduled_at: Time.at(0, lease.received_at_ms, :millisecond),
          processed_at: Time.at(0, @processed_ms, :millisecond),
          high_watermark: (watermark unless watermark.negative?), bytesize: lease.bytesize, attempt: lease.attempt
        )
      end

      # What listeners report of each batch, without the objects around it.
      # @api private
      # @return [Array(Integer, Integer, Integer), Array(Integer, Integer, nil)] of {#metadata} last_offset, processing_lag, consumption_lag
      def figures
        last = @size - 1
        lease = @lease
        [lease.offset(last), lag_since(lease.received_at_ms), lag_since(lease.timestamp_ms(last))]
      end

      # Reads fields of JSON payloads without building the whole objects.
      # @param fields [Array<String, Symbol>] names; a dot goes one level down: "user.id"
      # @return [Array<Object>] with one field its values, with several an Array for each message; nil where absent
      # @raise [Errors::DeserializationError] a payload cannot be decoded
      # @example
      #   messages.pluck("user.id", "amount").each { |user, amount| … }
      def pluck(*fields)
        raise ArgumentError, "pluck needs the name of at least one field, such as pluck(\"user.id\")" if fields.empty?

        paths = fields.map { |field| field.to_s.split(".") }
        @decoders&.payload ? pluck_from_payloads(paths) : @lease.pluck(paths)
      rescue ::JSON::ParserError => e
        # The same error as when the payload is read, with topic, partition and offset.
        self[e.instance_variable_get(:@index)].payload
        raise
      end

      # @return [Hash{Object=>Array<Message>}] messages by key, in the order of their offsets
      def group_by_key
        return to_a.group_by(&:key) if @decoders&.key

        @lease.groups_by_key.to_h do |indexes|
          messages = indexes.map { |index| at(index) }
          [messages.first.key, messages]
        end
      end

      # @return [Array<Message>] the last message of each key, and all that have none, in the order of their offsets
      def compact_by_key
        @decoders&.key ? compact(to_a) : @lease.last_by_key.map { |index| at(index) }
      end

      # @return [String]
      def inspect
        "#<#{self.class} #{Amount.of(@size, "message")}#{" from #{first.inspect}" unless empty?}>"
      end

      private

      def lag_since(time_ms)
        [(@processed_ms - time_ms).round, 0].max unless time_ms.negative?
      end

      def compact(messages)
        seen = {}
        messages.reverse.select { |message| (key = message.key).nil? || (seen[key] = true unless seen.key?(key)) }.reverse
      end

      def each_cleaned(&block)
        index = 0
        while index < @size
          message = at(index)
          yield message
          message.clean!
          index += 1
        end
        self
      rescue Exception => e # rubocop:disable Lint/RescueException -- raised again
        failed_at(index, e) if block.source_location
        raise
      end

      def each_kept(&block)
        index = 0
        while index < @size
          yield @list[index]
          index += 1
        end
        self
      rescue Exception => e # rubocop:disable Lint/RescueException -- raised again
        failed_at(index, e) if block.source_location
        raise
      end

      # Methods of Enumerable bring blocks of their own, which hold several messages now and then: those are left out.
      def failed_at(index, error)
        @failure = [index, error]
      end

      def at(index)
        @list ? @list[index] : Message.over(@lease, index, @decoders)
      end

      def pluck_from_payloads(paths)
        rows = payloads.map! { |payload| paths.map { |path| dig(payload, path) } }
        paths.size == 1 ? rows.map!(&:first) : rows
      end

      # As the native one does: through objects only.
      def dig(payload, path)
        path.reduce(payload) { |value, name| value.is_a?(Hash) ? value.fetch(name) { value[name.to_sym] } : nil }
      end
    end
  end
end
